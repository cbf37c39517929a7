// A SCIM server of the package scimmy as its documentation shows it, with users and groups in memory.
// Run in a folder that has node_modules; prints its port.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const express = require("express");
const { default: SCIMMY = require("scimmy") } = require("scimmy");
const routers = require("scimmy-routers");
const SCIMMYRouters = routers.default ?? routers;

let next = 1;

function keep(type) {
    const kept = new Map();
    SCIMMY.Resources.declare(type)
        .ingress((resource, data) => {
            const id = resource.id ?? String(next++);
            kept.set(id, { ...JSON.parse(JSON.stringify(data)), id });
            return kept.get(id);
        })
        .egress((resource) => {
            if (resource.id) {
                if (!kept.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `${resource.id} not found`);
                return kept.get(resource.id);
            }
            const all = [...kept.values()];
            return resource.filter ? resource.filter.match(all) : all;
        })
        .degress((resource) => {
            if (!kept.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `${resource.id} not found`);
        });
}
keep(SCIMMY.Resources.User);
keep(SCIMMY.Resources.Group);

const app = express();
const handler = (request) => {
    if (request.header("Authorization") !== `Bearer ${process.env.APP_SCIM_TOKEN}`) throw new Error("not authorized");
    return "entra";
};
app.use("/scim", new SCIMMYRouters({ type: "bearer", handler }));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
