import { payloadCases } from "./cases/payload-cases.js";
import { everyCase } from "./every.js";

everyCase(payloadCases);
