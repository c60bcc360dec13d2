import { statusCases } from "./cases/status-cases.js";
import { everyCase } from "./every.js";

everyCase(statusCases);
