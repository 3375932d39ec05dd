/** The names of the pages, and what they share. */
export const pages = {
	label: 'Pages',
	menu: 'Lookdesk: other pages',
	desk: 'Desk',
	insights: 'Insights',
	records: 'Records',
	skip: 'Skip to the content',
	opening: 'Opening the page',
	missing: 'This page could not be opened',
	missingWhy:
		'The connection broke, or the desk was renewed while this page was open. Load it again.',
	reload: 'Load again',
	retry: 'Try again',
	cancel: 'Cancel',
	close: 'Close'
};
