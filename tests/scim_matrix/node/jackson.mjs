// Ory Polis (SAML Jackson): its directory synchronisation behind the same few lines of HTTP as in its own web service.
// Run in a folder that has node_modules; prints its port.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { controllers } = require("@boxyhq/saml-jackson");

const { directorySyncController } = await controllers({
    externalUrl: "http://127.0.0.1",
    samlAudience: "urn:test",
    samlPath: "/saml",
    scimPath: "/scim",
    db: { engine: "mem" },
    noAnalytics: true,
});
const { data: directory } = await directorySyncController.directories.create({
    tenant: "tests",
    product: "matrix",
    name: "entra",
    type: "azure-scim-v2",
});

const server = createServer(async (request, answer) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url, "http://127.0.0.1");
    const [, , path, id] = url.pathname.split("/");
    const number = (name) => (url.searchParams.has(name) ? parseInt(url.searchParams.get(name)) : undefined);
    if (request.headers.authorization !== `Bearer ${process.env.APP_SCIM_TOKEN}`) {
        return answer.writeHead(401).end();
    }
    try {
        const { status, data } = await directorySyncController.requests.handle({
            method: request.method,
            body: text ? JSON.parse(text) : {},
            directoryId: directory.id,
            resourceId: id,
            resourceType: path === "Users" ? "users" : "groups",
            apiSecret: directory.scim.secret,
            query: {
                count: number("count"),
                startIndex: number("startIndex"),
                filter: url.searchParams.get("filter") ?? undefined,
            },
        });
        answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(data ?? null));
    } catch (error) {
        answer.writeHead(500, { "content-type": "application/json" });
        answer.end(JSON.stringify({ error: { message: String(error.message) } }));
    }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
