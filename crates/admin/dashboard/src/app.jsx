// The frame: skip link, navigation, state of the connection, and the page.

import { Component } from 'preact';
import { useEffect } from 'preact/hooks';

import { identity } from './lib/api.js';
import { route } from './lib/router.js';
import { useStore } from './lib/store.js';
import { Page, Trouble } from './ui/page.jsx';
import { Confirmation, Notice } from './ui/controls.jsx';
import { Navigation } from './ui/navigation.jsx';
import { SignIn } from './ui/signin.jsx';
import { PAGES } from './pages/index.js';

export function App() {
  useShortcuts();
  const { wanted, round } = useStore(identity);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the page
      </a>
      <Navigation />
      <main id="main" tabIndex={-1}>
        {wanted ? <SignIn problem={wanted} /> : <Current key={round} />}
      </main>
      <Confirmation />
      <Notice />
    </>
  );
}

function Current() {
  const { name, parts, query } = useStore(route);
  const Shown = PAGES[name] ?? Missing;
  const key = `${name}/${parts.join('/')}`;
  return (
    <Guard key={key}>
      <Shown parts={parts} query={query} />
    </Guard>
  );
}

function Missing() {
  return (
    <Page title="No such page" about="The address behind # names no page of this dashboard.">
      <p>
        <a href="#/overview">Go to the overview</a>
      </p>
    </Page>
  );
}

// A mistake in one page leaves the frame and the others standing.
class Guard extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    if (!error) return children;
    return (
      <Page title="This page cannot be shown" about="It met an answer that it does not understand.">
        <Trouble problem={{ title: 'The page has failed', detail: error.message }} />
      </Page>
    );
  }
}

// The address belongs to the pages; the link moves the focus only.
function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

function useShortcuts() {
  useEffect(() => {
    const press = (event) => {
      const isTyping = event.target.closest?.('input, textarea, select');
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
      const field = document.querySelector('main [data-search]') ?? document.querySelector('[data-find]');
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select?.();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}
