const cycle = require("./cycle.cjs");

cycle(require("opamp-client"), require("opamp-client/testing")).then(console.log, (error) => {
  console.error(error);
  process.exit(1);
});
