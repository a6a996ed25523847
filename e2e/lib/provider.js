// A real OpenID Connect provider as a process of its own, with a login page, where
// everybody is who they type: a name "ada" is ada@example.org, and a name that
// begins with "unverified" has an address that nobody has checked.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function freePort() {
	const server = createServer();
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

// chooseProvider decides where the provider will be, since the fleet has to know
// that before the provider can know where the fleet is.
export async function chooseProvider() {
	const address = `127.0.0.1:${await freePort()}`;
	const signIn = { issuer: `http://${address}`, client: 'wikibot', secret: 'a-secret-of-the-tests' };
	return {
		signIn,
		async start(fleetURL) {
			const dir = mkdtempSync(join(tmpdir(), 'wikibot-idp-'));
			const binary = join(dir, 'idp');
			execFileSync('go', ['build', '-o', binary, './services/auth/provider/providertest/cmd/idp'], { cwd: root });
			const redirect = `${fleetURL}/auth/callback`;
			const child = spawn(binary, ['--listen', address, '--client-id', signIn.client, '--client-secret', signIn.secret, '--redirect', redirect], {
				stdio: ['ignore', 'pipe', 'inherit']
			});
			const line = await new Promise((resolve, reject) => {
				createInterface({ input: child.stdout }).once('line', resolve);
				child.once('exit', (code) => reject(new Error(`the provider ended with ${code} before it served`)));
			});
			assert.ok(line.includes(signIn.issuer), line);
			return {
				async stop() {
					if (child.exitCode !== null || child.signalCode) return;
					const ended = new Promise((resolve) => child.once('exit', resolve));
					child.kill('SIGTERM');
					await ended;
					rmSync(dir, { recursive: true, force: true });
				}
			};
		}
	};
}
