/** One headless Chromium for all pages of a test file; every page lives in a context of its own. */
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages act without a user, and with synthetic devices.
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  // No page is in the background: all of them are watched at once.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  // Loopback may be the only network, and the page's own loopback needs plain candidates.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

export class Browser {
  #chromium;

  constructor(chromium) {
    this.#chromium = chromium;
  }

  /** @param {string[]} [flags]  besides the usual ones */
  static async start(flags = []) {
    const args = [...FLAGS, ...flags];
    return new Browser(await chromium.launch({ executablePath: EXECUTABLE, headless: true, args }));
  }

  /** A page that keeps what it logs: `page.log` are its warnings and errors, for the report of a failed test. */
  async open(url) {
    const context = await this.#chromium.newContext();
    const page = await context.newPage();
    page.log = [];
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) page.log.push(message.text().replace(/token=[^&]*/, 'token=…').slice(0, 300));
    });
    page.on('pageerror', (error) => page.log.push(`uncaught: ${error.message}`));
    await page.goto(url);
    return page;
  }

  async stop() {
    await this.#chromium.close();
  }
}
