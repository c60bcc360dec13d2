import { tcpCases } from "./cases/tcp-cases.js";
import { everyCase } from "./every.js";

everyCase(tcpCases);
