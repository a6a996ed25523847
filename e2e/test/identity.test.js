// People who sign in at a real OpenID Connect provider, in a real browser: the
// first time, again, on several devices, silently, and for the last time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFleet } from '../lib/fleet.js';
import { chooseProvider } from '../lib/provider.js';
import { inspect, openBrowser, problemsOf } from '../lib/browser.js';

let fleet, provider, browser;
const problems = [];

before(async () => {
	const chosen = await chooseProvider();
	fleet = await startFleet({ signIn: chosen.signIn });
	provider = await chosen.start(fleet.url);
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	await fleet?.stop();
	await provider?.stop();
});

// device is a browser of its own, with its own cookies.
async function device() {
	const context = await browser.newContext();
	const page = await context.newPage();
	problems.push(problemsOf(page));
	return { context, page };
}

// proveTo types a name into the provider's own page.
async function proveTo(page, name) {
	await page.waitForURL((url) => url.hostname === '127.0.0.1');
	await page.locator('input[name=username]').fill(name);
	await page.locator('button[type=submit], input[type=submit]').first().click();
}

const cookieNames = async (context) => (await context.cookies()).map((c) => c.name).sort();

let ada;

test('the first sign-in asks for a username, and leads where one wanted to go', async () => {
	ada = await device();
	const { page } = ada;
	await page.goto(fleet.url + '/app/account?from=mail');
	await proveTo(page, 'ada');
	await page.waitForURL(/\/auth\/welcome/);
	const field = page.getByLabel('Username');
	assert.equal(await field.inputValue(), 'ada', 'the provider knows a name to suggest');
	await inspect(page, 'welcome');
	await field.fill('admin');
	await page.getByText(/reserved/).waitFor();
	await inspect(page, 'welcome, with a name that is reserved');
	await field.fill('countess');
	await page.getByText(/free|available/i).first().waitFor();
	await page.keyboard.press('Enter');
	await page.waitForURL(fleet.url + '/app/account?from=mail');
	await page.getByText('countess').first().waitFor();
});

test('who is known goes straight in, on another device as well', async () => {
	const { context, page } = await device();
	await page.goto(fleet.url + '/app/new');
	await proveTo(page, 'ada');
	await page.waitForURL(fleet.url + '/app/new');
	await page.goto(fleet.url + '/app/account');
	await page.getByText(/this device|this browser/i).first().waitFor();
	await inspect(page, 'account');
	await context.close();
});

test('a private wiki leads over the sign-in back to its page', async () => {
	const { page } = ada;
	const made = await page.evaluate(async () => {
		const answer = await fetch('/api/wikis', {
			method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ slug: 'countess', name: 'Notes' })
		});
		return answer.status;
	});
	assert.equal(made, 201);
	const other = await device();
	await other.page.goto(fleet.wiki('countess', '/?x=1&y=%2F'));
	await proveTo(other.page, 'ada');
	await other.page.waitForURL(fleet.wiki('countess', '/?x=1&y=%2F'));
	await other.context.close();
});

test('a session whose tokens have run out is renewed without a word', async () => {
	const { context, page } = ada;
	for (const name of ['__Host-wikibot', 'wikibot']) await context.clearCookies({ name });
	await page.goto(fleet.wiki('countess', '/'));
	await page.waitForURL(fleet.wiki('countess', '/'));
	assert.ok((await cookieNames(context)).includes('__Host-wikibot'));
	// In the app: the first call is refused, renewed, and asked again.
	for (const name of ['__Host-wikibot', 'wikibot']) await context.clearCookies({ name });
	await page.goto(fleet.url + '/app/account');
	await page.getByText('countess').first().waitFor();
	assert.ok(page.url().endsWith('/app/account'), page.url());
});

test('an address that nobody has checked opens nothing', async () => {
	const { context, page } = await device();
	await page.goto(fleet.url + '/app/');
	await proveTo(page, 'unverified-eve');
	await page.getByRole('heading', { level: 1 }).waitFor();
	await inspect(page, 'unverified');
	assert.ok(!(await cookieNames(context)).includes('__Host-wikibot'));
	await context.close();
});

test('a device is signed out from another one, at once', async () => {
	const lost = await device();
	await lost.page.goto(fleet.url + '/app/');
	await proveTo(lost.page, 'ada');
	await lost.page.waitForURL(/\/app\//);
	assert.equal((await lost.page.goto(fleet.wiki('countess', '/'))).status(), 200);
	const { page } = ada;
	await page.goto(fleet.url + '/app/account');
	const ended = await page.evaluate(async () => {
		const { sessions } = await (await fetch('/api/account/sessions')).json();
		const others = sessions.filter((s) => !s.current);
		return Promise.all(others.map(async (s) => (await fetch(`/api/account/sessions/${s.id}`, { method: 'DELETE' })).status));
	});
	assert.ok(ended.length > 0 && ended.every((status) => status === 204), String(ended));
	await lost.page.goto(fleet.wiki('countess', '/'));
	await lost.page.waitForURL((url) => url.hostname === '127.0.0.1', { timeout: 10_000 }).catch(() => {});
	assert.notEqual(new URL(lost.page.url()).host, new URL(fleet.wiki('countess')).host, 'the page is still shown');
	await lost.context.close();
});

test('signing out ends the session here', async () => {
	const { context, page } = await device();
	await page.goto(fleet.url + '/app/');
	await proveTo(page, 'ada');
	await page.waitForURL(/\/app\//);
	await page.goto(fleet.url + '/auth/logout');
	await inspect(page, 'sign out');
	await page.getByRole('button', { name: /sign out/i }).click();
	await page.waitForURL(/\/auth\/logged-out/);
	await inspect(page, 'signed out');
	assert.deepEqual((await cookieNames(context)).filter((n) => /wikibot|logged_in/.test(n)), []);
	await context.close();
});

test('an account is deleted, and had back', async () => {
	const { context, page } = ada;
	await page.goto(fleet.url + '/app/account');
	const status = await page.evaluate(async () =>
		(await fetch('/api/account/deletion', {
			method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'countess' })
		})).status
	);
	assert.equal(status, 202);
	assert.equal((await fetch(fleet.wiki('countess', '/'), { headers: { accept: 'application/json' } })).status, 401, 'the wiki is closed');
	await page.goto(fleet.url + '/app/');
	await page.waitForURL((url) => url.hostname === '127.0.0.1' || url.pathname.startsWith('/auth/'));
	if (new URL(page.url()).hostname === '127.0.0.1') await proveTo(page, 'ada');
	await page.waitForURL(/\/auth\/welcome-back/);
	await inspect(page, 'welcome back');
	await page.getByRole('button').first().click();
	await page.waitForURL(/\/app\//);
	assert.equal((await page.goto(fleet.wiki('countess', '/'))).status(), 200);
	await context.close();
});

test('no page broke its policy or threw', () => {
	const all = problems.flat().filter((p) => !/401|403|404/.test(p)); // what was refused on purpose
	assert.deepEqual(all, []);
});
