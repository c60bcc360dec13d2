import { effectiveConfig, fileStore, OpAMPClient, OpAMPError } from "opamp-client";
import { OpAMPServer } from "opamp-client/testing";
import cycle from "./cycle.cjs";

cycle({ OpAMPClient, OpAMPError, effectiveConfig, fileStore }, { OpAMPServer }).then(console.log, (error) => {
  console.error(error);
  process.exit(1);
});
