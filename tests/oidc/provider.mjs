// The certified OpenID provider oidc-provider for the tests: `node provider.mjs PACKAGES CLIENT`. PACKAGES is the folder with its packages, CLIENT what it is told of the bridge, as JSON.
// It takes any name with any password. It says on standard output where it is, and on standard input takes the line `rotate`: from then on it has another key, and that alone.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [packages, client] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(createRequire(`${packages}/`).resolve(name)));
const { default: Provider } = await load('oidc-provider');
const { exportJWK, generateKeyPair } = await load('jose');

const ROLES = { alice: ['manager'], bob: ['clerk'] };
const REGIONS = { alice: ['West'], bob: ['South'] };

async function make(issuer, number) {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: `key-${number}`, use: 'sig', alg: 'RS256' };
    return new Provider(issuer, {
        jwks: { keys: [key] },
        cookies: { keys: ['of this run only'] },
        clients: [{
            client_id: 'session-bridge',
            token_endpoint_auth_method: 'none',
            ...JSON.parse(client),
            grant_types: ['authorization_code'],
            response_types: ['code'],
        }],
        claims: { openid: ['sub', 'roles', 'attributes'] },
        // The claims of the scope stand in the identity token itself.
        conformIdTokenClaims: false,
        pkce: { required: () => true },
        features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
        findAccount: (_, name) => ({
            accountId: name,
            claims: () => ({ sub: name, roles: ROLES[name] ?? [], attributes: { regions: REGIONS[name] ?? [] } }),
        }),
    });
}

let provider;
const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, '127.0.0.1', async () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    let number = 1;
    provider = await make(issuer, number);
    console.log(`issuer ${issuer}`);
    for await (const line of createInterface({ input: process.stdin })) {
        if (line === 'rotate') {
            number += 1;
            provider = await make(issuer, number);
            console.log(`rotated key-${number}`);
        }
    }
    process.exit(0);
});
