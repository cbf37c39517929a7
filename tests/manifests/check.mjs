// Holds manifests against the published schemas of Kubernetes, the Gateway API, Istio and Envoy Gateway, as the packages
// @kubernetes-models/* carry them: values by their validators (JSON Schema), names of fields by their TypeScript types, which an
// API server would drop or refuse where they are unknown.
//
//   node check.mjs MODULES FILE…      prints [{file, kind, name, problems}]
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(path.join(modules, "package.json"));
const yaml = require("yaml");
const ts = require("typescript");

function moduleOf(apiVersion) {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  if (group.endsWith(".istio.io")) return `@kubernetes-models/istio/${group}/${version}`;
  if (group === "gateway.networking.k8s.io") return `@kubernetes-models/gateway-api/${group}/${version}`;
  if (group === "gateway.envoyproxy.io") return `@kubernetes-models/envoy-gateway/${group}/${version}`;
  return group ? `kubernetes-models/${group}/${version}` : `kubernetes-models/${version}`;
}

async function valueProblems(manifest) {
  const from = moduleOf(manifest.apiVersion);
  const found = await import(pathToFileURL(path.join(modules, "node_modules", from, "index.js"))).catch(() => ({}));
  const Model = found[manifest.kind];
  if (!Model) return [`no schema is known for ${manifest.apiVersion} ${manifest.kind}`];
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

const PARTIAL = "type Partly<T> = T extends Array<infer E> ? Array<Partly<E>> : T extends object ? {[K in keyof T]?: Partly<T[K]>} : T;\n";

function source({ manifest, partial }) {
  const type = `I${manifest.kind}`;
  const wanted = partial ? `Partly<${type}>` : type;
  return `import type { ${type} } from "${moduleOf(manifest.apiVersion)}";\n${PARTIAL}export const it: ${wanted} = ${JSON.stringify(manifest, null, 1)};\n`;
}

// All in one program, for reading the types takes most of the time.
function typeProblems(entries) {
  const place = fs.mkdtempSync(path.join(modules, "types-"));
  try {
    const names = entries.map((entry, at) => {
      const name = path.join(place, `m${at}.ts`);
      fs.writeFileSync(name, source(entry));
      return name;
    });
    const program = ts.createProgram(names, {
      strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
    });
    return names.map((name) => {
      const file = program.getSourceFile(name);
      const all = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return all.map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"));
    });
  } finally {
    fs.rmSync(place, { recursive: true });
  }
}

const entries = [];
for (const file of files) {
  const documents = yaml.parseAllDocuments(fs.readFileSync(file, "utf8"), { uniqueKeys: true });
  for (const document of documents) {
    const problems = [...document.errors, ...document.warnings].map((error) => error.message);
    const manifest = document.toJS();
    const entry = { file, kind: manifest?.kind, name: manifest?.metadata?.name, problems, manifest };
    if (!manifest?.apiVersion || !manifest.kind) {
      problems.push("is no manifest");
      continue;
    }
    problems.push(...(await valueProblems(manifest)));
    entries.push(entry);
    // What Istio lays over the Deployment of a gateway.
    const overlay = manifest.kind === "ConfigMap" ? manifest.data?.deployment : undefined;
    if (overlay) {
      const laid = { apiVersion: "apps/v1", kind: "Deployment", ...yaml.parse(overlay) };
      entries.push({ file, kind: "Deployment", name: `overlay in ${manifest.metadata.name}`, problems: [], manifest: laid, partial: true });
    }
  }
}
typeProblems(entries).forEach((problems, at) => entries[at].problems.push(...problems));
console.log(JSON.stringify(entries.map(({ file, kind, name, problems }) => ({ file, kind, name, problems }))));
