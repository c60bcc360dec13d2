import { everyCase } from "./every.js";
import { tcpCases } from "./tcp-cases.js";

everyCase(tcpCases);
