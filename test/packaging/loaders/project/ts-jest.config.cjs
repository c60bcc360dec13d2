module.exports = { preset: "ts-jest", roots: ["ts-jest"] };
