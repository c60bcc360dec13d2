import { frameCases } from "./cases/frame-cases.js";
import { upgradeCases } from "./cases/upgrade-cases.js";
import { everyCase } from "./every.js";

everyCase([...upgradeCases, ...frameCases]);
