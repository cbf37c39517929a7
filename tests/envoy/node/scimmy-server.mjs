// A SCIM server of the package scimmy as its documentation shows it, with users and groups in memory whose names are unique.
// Run in a folder that has node_modules; prints its port.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const express = require("express");
const { default: SCIMMY = require("scimmy") } = require("scimmy");
const routers = require("scimmy-routers");
const SCIMMYRouters = routers.default ?? routers;

let next = 1;

function keep(type, unique) {
    const kept = new Map();
    const claim = (data, id) => {
        const wanted = data[unique]?.toLowerCase();
        for (const other of kept.values()) {
            if (other.id === id || other[unique]?.toLowerCase() !== wanted) continue;
            throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
        }
    };
    SCIMMY.Resources.declare(type)
        .ingress((resource, data) => {
            const id = resource.id ?? String(next++);
            claim(data, id);
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
keep(SCIMMY.Resources.User, "userName");
keep(SCIMMY.Resources.Group, "displayName");

const app = express();
const handler = (request) => {
    if (request.header("Authorization") !== `Bearer ${process.env.APP_SCIM_TOKEN}`) throw new Error("not authorized");
    return "entra";
};
app.use("/scim", new SCIMMYRouters({ type: "bearer", handler }));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
