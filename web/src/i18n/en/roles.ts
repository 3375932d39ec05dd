/** The role presets. */
export const roles = {
	label: 'Role',
	asSent: 'Sent word for word before every question.',
	nothingSent: 'This preset is empty: no role is sent.',
	preview: 'The role as it is sent',
	edit: 'Edit presets',
	title: 'Role presets',
	sentence: 'The team shares them. Whoever chooses one sends its text with every question.',
	list: 'Presets',
	add: 'New preset',
	name: 'Name',
	text: 'Text',
	textHint: 'What the model should be, do and leave alone. Sent exactly as written.',
	standard: 'standard',
	standardHint: 'Came with Lookdesk: it can be reworded, not deleted.',
	unsaved: 'not saved',
	save: 'Save',
	saved: 'Saved',
	discard: 'Discard changes',
	delete: 'Delete',
	ask: (name: string) => `Delete “${name}” for everybody?`,
	keep: 'Keep it',
	earlier: (name: string) => `Move ${name} up`,
	later: (name: string) => `Move ${name} down`,
	namePlaceholder: 'For example: parts hotline',
	nameMissing: 'Give the preset a name.',
	failed: 'The presets could not be fetched. The standard role is used.',
	problem: {
		standard: 'A standard preset cannot be deleted. Reword it, or choose another one.',
		nameTaken: 'Another preset has this name. Choose a different one.',
		unknown: 'Somebody has deleted this preset in the meantime.'
	}
};
