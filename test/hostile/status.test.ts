import { everyCase } from "./every.js";
import { statusCases } from "./status-cases.js";

everyCase(statusCases);
