import { testCertificates } from "../../../src/testing/index.js";
import { tlsCases } from "./cases/tls-cases.js";
import { everyCase } from "./every.js";

const authority = await testCertificates();
everyCase(await tlsCases(authority), authority);
