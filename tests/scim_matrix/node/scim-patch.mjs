// A plain store of users and groups whose PATCH is the package scim-patch and whose filters are the package
// scim2-parse-filter, as their documentation shows them. Run in a folder that has node_modules; prints its port.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const express = require("express");
const { patchBodyValidation, scimPatch } = require("scim-patch");
const { filter, parse } = require("scim2-parse-filter");

const LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";
let next = 1;

class Refusal extends Error {
    constructor(status, scimType, detail) {
        super(detail);
        Object.assign(this, { status, scimType });
    }
}

function resources(app, type, endpoint, unique) {
    const kept = new Map();
    const found = (id) => {
        if (!kept.has(id)) throw new Refusal(404, undefined, `${id} not found`);
        return kept.get(id);
    };
    const claim = (value, id) => {
        if (typeof value[unique] !== "string") throw new Refusal(400, "invalidValue", `${unique} is required`);
        for (const other of kept.values()) {
            const same = other[unique].toLowerCase() === value[unique].toLowerCase();
            if (same && other.id !== id) throw new Refusal(409, "uniqueness", `${unique} is taken`);
        }
    };
    const shown = (value, request) => {
        const copy = structuredClone(value);
        for (const name of String(request.query.excludedAttributes ?? "").split(",")) delete copy[name];
        return copy;
    };

    app.get(endpoint, (request, answer) => {
        let all = [...kept.values()];
        if (request.query.filter !== undefined) {
            try {
                all = all.filter(filter(parse(String(request.query.filter))));
            } catch (error) {
                throw new Refusal(400, "invalidFilter", String(error.message));
            }
        }
        const start = Math.max(1, Number(request.query.startIndex ?? 1));
        const page = all.slice(start - 1, start - 1 + Number(request.query.count ?? 100));
        answer.json({
            schemas: [LIST],
            totalResults: all.length,
            startIndex: start,
            itemsPerPage: page.length,
            Resources: page.map((value) => shown(value, request)),
        });
    });
    app.get(`${endpoint}/:id`, (request, answer) => answer.json(shown(found(request.params.id), request)));
    app.post(endpoint, (request, answer) => {
        const id = String(next++);
        claim(request.body, id);
        const now = new Date();
        const value = { ...request.body, id, meta: { resourceType: type, created: now, lastModified: now } };
        kept.set(id, value);
        answer.status(201).json(value);
    });
    app.put(`${endpoint}/:id`, (request, answer) => {
        const { id, meta } = found(request.params.id);
        claim(request.body, id);
        kept.set(id, { ...request.body, id, meta });
        answer.json(kept.get(id));
    });
    app.patch(`${endpoint}/:id`, (request, answer) => {
        const before = found(request.params.id);
        patchBodyValidation(request.body);
        const after = scimPatch(before, request.body.Operations, { mutateDocument: false });
        claim(after, before.id);
        kept.set(before.id, after);
        answer.json(after);
    });
    app.delete(`${endpoint}/:id`, (request, answer) => {
        found(request.params.id);
        kept.delete(request.params.id);
        answer.status(204).end();
    });
}

const app = express();
app.use((request, answer, proceed) => {
    if (request.header("Authorization") !== `Bearer ${process.env.APP_SCIM_TOKEN}`) throw new Refusal(401);
    answer.type("application/scim+json");
    proceed();
});
app.use(express.json({ type: ["application/scim+json", "application/json"] }));
resources(app, "User", "/scim/Users", "userName");
resources(app, "Group", "/scim/Groups", "displayName");
// eslint-disable-next-line no-unused-vars -- four parameters are what makes it a handler of errors
app.use((error, request, answer, proceed) => {
    const status = error.status ?? (error.scimCode ? 400 : 500);
    const scimType = error.scimType ?? error.scimCode;
    answer.status(status).type("application/scim+json");
    answer.json({ schemas: [ERROR], status: String(status), scimType, detail: error.message });
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
