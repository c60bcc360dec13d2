import { bearerAuth } from "opamp-client";

console.log(typeof bearerAuth("token"));
