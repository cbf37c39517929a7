// Better Auth with its SCIM plugin, in memory. Run in a folder that has node_modules; prints its port.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const module = (path) => import(pathToFileURL(`${process.cwd()}/node_modules/${path}`));
const { betterAuth } = await module("better-auth/dist/index.mjs");
const { toNodeHandler } = await module("better-auth/dist/integrations/node.mjs");
const { memoryAdapter } = await module("better-auth/dist/adapters/memory-adapter/index.mjs");
const { scim } = await module("@better-auth/scim/dist/index.mjs");

const credentials = [{ type: "bearer", id: "entra-1", token: process.env.APP_SCIM_TOKEN }];
const plugin = scim({ connections: [{ id: "entra", credentials }] });
const options = { secret: "a-secret-of-the-test-servers-only-0123456789", plugins: [plugin], rateLimit: { enabled: false } };

const server = createServer((request, answer) => handler(request, answer));
let handler;
server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    const tables = { user: [], session: [], account: [], verification: [] };
    for (const name of Object.keys(plugin.schema ?? {})) tables[name] = [];
    const auth = betterAuth({ ...options, baseURL: `http://127.0.0.1:${port}`, database: memoryAdapter(tables) });
    handler = toNodeHandler(auth);
    console.log(port);
});
