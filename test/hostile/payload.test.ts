import { everyCase } from "./every.js";
import { payloadCases } from "./payload-cases.js";

everyCase(payloadCases);
