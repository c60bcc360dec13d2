import { everyCase } from "./every.js";
import { httpCases } from "./http-cases.js";

everyCase(httpCases);
