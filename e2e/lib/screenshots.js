// Takes a picture of every screen at three widths in both colour schemes, to be
// looked at:  npm run screenshots -- FOLDER [corpus]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { docsRepository, startFleet } from './fleet.js';
import { callAgent, connectAgent } from './agent.js';
import { openBrowser } from './browser.js';
import { chooseProvider } from './provider.js';

const [folder, corpus] = process.argv.slice(2);
if (!folder) throw new Error('name the folder for the pictures');
mkdirSync(folder, { recursive: true });

const sample = `# Non-lexical lifetimes

A reference lives as long as it may still be used, not until the end of its block. See [[Borrowing/Two-phase borrows]] and [[Region inference]].

## Liveness

A variable is *live* when its current value may be used later.

\`\`\`rust
let mut data = vec!['a', 'b', 'c'];
let slice = &mut data[..];      // borrow starts
capitalize(slice);              // last use: borrow ends
data.push('d');                 // accepted
\`\`\`

> [!NOTE]
> Two-phase borrows make \`vec.push(vec.len())\` work.

## Problem cases

| Problem case | Before | Now |
| --- | --- | --- |
| Conditional control flow | rejected | accepted |
| Across functions | rejected | needs Polonius |
`;

const chosen = await chooseProvider();
const fleet = await startFleet();
const another = await startFleet({ signIn: chosen.signIn }); // where a provider knows people
const provider = await chosen.start(another.url);
const browser = await openBrowser();
const newPage = async (options = {}) => (await browser.newContext({ reducedMotion: 'reduce', ...options })).newPage();
try {
	let page = await newPage();
	const shoot = async (name, { full = false } = {}) => {
		for (const width of [390, 768, 1280]) {
			for (const colorScheme of ['light', 'dark']) {
				await page.setViewportSize({ width, height: 900 });
				await page.emulateMedia({ colorScheme });
				await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: full });
			}
		}
	};

	await page.goto(fleet.url + '/app/');
	await page.waitForURL(/auth\/login/);
	await shoot('sign-in');
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByLabel('Username').fill('ada');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/app\//);
	await page.goto(fleet.url + '/app/new');
	await page.getByLabel('Name').fill("Ada's notes");
	await shoot('create');
	await page.getByRole('button', { name: 'Create wiki' }).click();
	await page.getByText('Save this now').waitFor();
	await shoot('connect', { full: true });
	const token = (await page.locator('main').innerText()).match(/wbt_[\w-]+/)[0];

	// An agent writes, so that both inks are to be seen.
	const agent = (path, content, headers = {}) =>
		fetch(fleet.wiki('ada', '/api/v1/pages/' + encodeURIComponent(path)), {
			method: 'PUT',
			headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'claude-code/2.1', ...headers },
			body: JSON.stringify({ content, commit_message: `Write down ${path}` })
		});
	await agent('Borrowing/Non-lexical lifetimes', sample);
	await agent('Borrowing/Two-phase borrows', '# Two-phase borrows\n\nSee [[Borrowing/Non-lexical lifetimes]].\n');

	await page.goto(fleet.url + '/app/');
	await page.getByRole('heading', { name: "Ada's notes" }).waitFor();
	await shoot('dashboard');
	const connected = await connectAgent(fleet, page, 'ada', 'Claude Code', 'write', () => shoot('consent', { full: true }));
	await connectAgent(fleet, page, 'ada', 'Some agent with a name that goes on for rather long', 'read');
	await callAgent(fleet, 'ada', connected);
	const other = await newPage({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' });
	await other.goto(fleet.url + '/auth/login');
	await other.getByLabel('E-mail').fill('ada@example.org');
	await other.getByRole('button', { name: 'Sign in' }).click();
	await other.waitForURL(/\/app\//);
	await page.goto(fleet.url + '/app/account');
	await page.getByText('this device').waitFor();
	await shoot('account', { full: true });
	await page.goto(fleet.url + '/oauth/authorize?client_id=wbc_forgotten&redirect_uri=http://127.0.0.1/');
	await shoot('client-unknown');
	await page.goto(fleet.url + '/oauth/device');
	await shoot('device');
	await page.goto(fleet.url + '/oauth/device?user_code=XXXX-XXXX');
	await shoot('device-wrong');
	const started = await fetch(fleet.url + '/oauth/device_authorization', {
		method: 'POST', body: new URLSearchParams({ client_id: 'wikibot-cli', device_name: 'ada-thinkpad' })
	});
	await page.goto((await started.json()).verification_uri_complete);
	await shoot('device-consent', { full: true });
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('heading', { name: 'The command line is signed in' }).waitFor();
	await shoot('device-done');
	await page.goto(fleet.wiki('ada', '/mcp'));
	await shoot('mcp', { full: true });
	await page.goto(fleet.url + '/app/ada/connect');
	await page.getByRole('radio', { name: 'Claude Code' }).check();
	await page.getByText(/called/).first().waitFor();
	await shoot('connect-arrived', { full: true });

	await page.goto(fleet.url + '/app/ada');
	await page.getByRole('heading', { level: 1 }).waitFor();
	await page.getByRole('switch', { name: 'Git access' }).waitFor();
	await shoot('settings', { full: true });
	await page.goto(fleet.wiki('ada', '/-/changelog'));
	await page.getByText('Clone with git').click();
	await shoot('clone');

	await page.goto(fleet.url + '/app/ada');
	await page.getByRole('switch', { name: 'Git access' }).uncheck();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('Saved').waitFor();
	await shoot('settings-git-off', { full: true });
	await page.goto(fleet.url + '/app/ada/connect');
	await page.getByText('Git access is off').waitFor();
	await shoot('connect-git-off', { full: true });
	await page.goto(fleet.url + '/app/ada');
	await page.getByRole('switch', { name: 'Git access' }).check();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('Saved').waitFor();

	for (const [name, path] of Object.entries({
		home: '/', page: '/Borrowing/Non-lexical lifetimes', edit: '/-/edit/Borrowing/Non-lexical lifetimes',
		history: '/-/history/Borrowing/Non-lexical lifetimes', changelog: '/-/changelog', index: '/-/index',
		search: '/-/search?q=borrow', rename: '/-/rename/Borrowing/Two-phase borrows', delete: '/-/delete/Borrowing/Two-phase borrows',
		missing: '/Nowhere to be found'
	})) {
		await page.goto(fleet.wiki('ada', path));
		await shoot(name);
	}
	fleet.admin('create-user', '--email', 'docs@example.org', '--username', 'handbook', '--tier', 'premium');
	fleet.admin('create-wiki', '--owner', 'docs@example.org', '--slug', 'handbook', '--name', 'Handbook', '--public', '--from', corpus ?? docsRepository(fleet.dir));
	for (const [name, path] of Object.entries({ 'corpus-index': '/-/index', 'corpus-changelog': '/-/changelog', 'corpus-home': '/' })) {
		await page.goto(fleet.wiki('handbook', path));
		await shoot(name);
	}

	await page.goto(fleet.url + '/auth/logout');
	await shoot('sign-out');
	await page.getByRole('button', { name: 'Sign out' }).click();
	await page.waitForURL(/logged-out/);
	await shoot('signed-out');
	await other.goto(fleet.url + '/app/account');
	await other.getByLabel('Type ada to confirm').fill('ada');
	await other.getByRole('button', { name: 'Delete my account' }).click();
	page = other;
	await page.getByRole('heading', { name: 'Your account is deleted' }).waitFor();
	await shoot('account-deleted');
	await page.getByRole('link', { name: 'Sign in to have it back' }).click();
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/welcome-back/);
	await shoot('welcome-back');

	// At a provider: somebody new, and what can go wrong.
	const prove = async (username, button = 'Sign in') => {
		page = await newPage();
		await page.goto(another.url + '/auth/login?return_to=/app/account');
		await page.locator('input[name=username]').fill(username);
		await page.getByRole('button', { name: button }).click();
		await page.getByRole('heading', { level: 1 }).waitFor();
	};
	await prove('grace');
	await shoot('welcome');
	await page.getByLabel('Username').fill('admin');
	await page.getByText('Username is reserved').waitFor();
	await shoot('welcome-reserved');
	await page.getByLabel('Username').fill('grace-hopper');
	await page.getByText('grace-hopper is free').waitFor();
	await shoot('welcome-free');
	await prove('unverified-eve');
	await shoot('unverified');
	await prove('ada', 'Cancel');
	await shoot('called-off');
	await page.goto(another.url + '/auth/callback?code=x&state=' + 'x'.repeat(43));
	await shoot('attempt-expired');
	const asked = page.waitForRequest((request) => new URL(request.url()).searchParams.has('state'));
	await page.goto(another.url + '/auth/login');
	const state = new URL((await asked).url()).searchParams.get('state');
	await provider.stop();
	const back = new URLSearchParams({ code: 'x', state, iss: chosen.signIn.issuer });
	await page.goto(`${another.url}/auth/callback?${back}`);
	await page.getByRole('heading', { level: 1 }).waitFor();
	await shoot('provider-away');
} finally {
	await browser.close();
	await Promise.all([fleet.stop(), another.stop(), provider.stop()]);
}
