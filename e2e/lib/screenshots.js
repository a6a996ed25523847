// Takes a picture of every screen at three widths in both colour schemes, to be
// looked at:  npm run screenshots -- FOLDER [corpus]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { docsRepository, startFleet } from './fleet.js';
import { callAgent, connectAgent } from './agent.js';
import { openBrowser } from './browser.js';

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

const fleet = await startFleet();
const browser = await openBrowser();
try {
	const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
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
	const connected = await connectAgent(fleet, page, 'ada', 'Claude Code');
	await connectAgent(fleet, page, 'ada', 'Some agent with a name that goes on for rather long', 'read');
	await callAgent(fleet, 'ada', connected);
	const other = await (await browser.newContext({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' })).newPage();
	await other.goto(fleet.url + '/auth/login');
	await other.getByLabel('E-mail').fill('ada@example.org');
	await other.getByRole('button', { name: 'Sign in' }).click();
	await other.waitForURL(/\/app\//);
	await page.goto(fleet.url + '/app/account');
	await page.getByText('this device').waitFor();
	await shoot('account', { full: true });
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
} finally {
	await browser.close();
	await fleet.stop();
}
