// A real browser, and what every screen is held to.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const openBrowser = () =>
	chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: [
			'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync'
		]
	});

export const widths = [320, 390, 1280];
export const schemes = ['light', 'dark'];

// problemsOf records what a page must never do: break its content security
// policy, throw, or ask for something that is not there.
export function problemsOf(page) {
	const problems = [];
	page.on('console', (m) => m.type() === 'error' && problems.push(`console: ${m.text()} (${page.url()})`));
	page.on('pageerror', (e) => problems.push(`script: ${e.message} (${page.url()})`));
	return problems;
}

// inspect holds the page now shown to what all pages are held to: nothing
// overflows at any width, axe is silent in both colour schemes.
export async function inspect(page, name) {
	for (const width of widths) {
		await page.setViewportSize({ width, height: 800 });
		const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		assert.ok(overflow <= 0, `${name} overflows by ${overflow} px at ${width} px`);
	}
	for (const colorScheme of schemes) {
		// Fades between colours would be caught half-way.
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
		// The page's own policy forbids foreign scripts; the inspector's world is exempt.
		const client = await page.context().newCDPSession(page);
		const { frameTree } = await client.send('Page.getFrameTree');
		const { executionContextId } = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
		await client.send('Runtime.evaluate', { expression: axeSource, contextId: executionContextId });
		const { result } = await client.send('Runtime.evaluate', {
			expression: `axe.run(document, { resultTypes: ['violations'] }).then(r => JSON.stringify(r.violations.map(v => ({ id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + ' — ' + n.failureSummary) }))))`,
			contextId: executionContextId,
			awaitPromise: true,
			returnByValue: true
		});
		await client.detach();
		assert.deepEqual(JSON.parse(result.value), [], `axe on ${name}, ${colorScheme}`);
	}
}
