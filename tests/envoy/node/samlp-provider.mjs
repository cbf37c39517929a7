// An identity provider of the package samlp as its documentation shows it, at https://idp.test/, for one person who is always there.
// Run in a folder that has node_modules; prints its port. PROVIDER_PLACE has idp.key, idp.crt and settings.json, which is
// read anew for every request: consumer, logout, certificate (PEM: requests must be signed), encryption (PEM), sign.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const express = require("express");
const samlp = require("samlp");
const Participants = require("samlp/lib/sessionParticipants");

const place = process.env.PROVIDER_PLACE;
const read = (name) => readFileSync(`${place}/${name}`, "utf8");
const keys = { issuer: "https://idp.test/metadata", key: read("idp.key"), cert: read("idp.crt") };
const EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

class Person {
    getClaims() {
        return {
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "ada@n.example",
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups": ["g-1", 'g & "2"'],
        };
    }
    getNameIdentifier() {
        return { nameIdentifier: "ada@n.example", nameIdentifierFormat: EMAIL };
    }
}

// Where a logout stands, and who takes part in it.
const transactions = new Map();
const store = {
    save(_request, state, done) {
        const handle = `t${transactions.size + 1}`;
        transactions.set(handle, state);
        done(null, handle);
    },
    load(_request, handle, options, done = options) {
        done(null, transactions.get(handle));
    },
    update(_request, handle, state, done) {
        transactions.set(handle, state);
        done(null);
    },
};
const sessionParticipants = new Participants([]);

const app = express();
app.use(express.urlencoded({ extended: false, limit: "1mb" }));
// samlp was written for releases of express in which there always was a body.
app.use((request, _response, next) => {
    request.body ??= {};
    next();
});

let session = 0;
app.all("/sso", (request, response, next) => {
    const settings = JSON.parse(read("settings.json"));
    const sessionIndex = `session-${++session}`;
    sessionParticipants._participants = [
        {
            serviceProviderId: settings.service,
            nameId: "ada@n.example",
            nameIdFormat: EMAIL,
            sessionIndex,
            serviceProviderLogoutURL: settings.logout,
            cert: settings.certificate,
            binding: REDIRECT,
        },
    ];
    samlp.auth({
        ...keys,
        sessionIndex,
        profileMapper: () => new Person(),
        getUserFromRequest: () => ({}),
        getPostURL: (_audience, _document, _request, done) => done(null, settings.consumer),
        recipient: settings.consumer,
        destination: settings.consumer,
        signingCert: settings.certificate,
        encryptionCert: settings.encryption,
        encryptionPublicKey: settings.encryptionKey,
        signAssertion: settings.sign !== "response",
        signResponse: settings.sign !== "assertion",
    })(request, response, next);
});
app.all("/slo", (request, response, next) => {
    const options = { ...keys, deflate: true, protocolBinding: REDIRECT, sessionParticipants, store };
    samlp.logout({ ...options, signatureAlgorithm: "rsa-sha256", digestAlgorithm: "sha256" })(request, response, next);
});
app.get("/metadata", samlp.metadata({ ...keys, redirectEndpointPath: "/sso", postEndpointPath: "/sso", logoutEndpointPaths: { redirect: "/slo" } }));
app.use((error, _request, response, _next) => response.status(400).type("text").send(String(error.message)));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
