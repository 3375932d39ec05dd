import { mount } from 'svelte';
import Desk from './pages/Desk.svelte';
import './styles/tokens.css';
import './styles/base.css';

const target = document.getElementById('desk');
if (!target) throw new Error('index.html has no #desk');

export default mount(Desk, { target });
