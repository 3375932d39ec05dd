import { mount } from 'svelte';
import App from './App.svelte';
import { meetTabs } from './state/draft.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/print.css';

const target = document.getElementById('desk');
if (!target) throw new Error('index.html has no #desk');

void meetTabs().then(() => mount(App, { target }));
