import { testCertificates } from "../../src/testing/index.js";
import { everyCase } from "./every.js";
import { tlsCases } from "./tls-cases.js";

const authority = await testCertificates();
everyCase(await tlsCases(authority), authority);
