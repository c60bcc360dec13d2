import { everyCase } from "./every.js";
import { frameCases } from "./frame-cases.js";
import { upgradeCases } from "./upgrade-cases.js";

everyCase([...upgradeCases, ...frameCases]);
