/** The generated OpAMP messages and enums, as `opamp-client/proto`. */
export * from "../gen/opamp/v1/anyvalue_pb.js";
export * from "../gen/opamp/v1/opamp_pb.js";
