import { httpCases } from "./cases/http-cases.js";
import { everyCase } from "./every.js";

everyCase(httpCases);
