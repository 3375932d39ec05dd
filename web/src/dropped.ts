/**
 * The files in what was dropped. A folder stands for the pictures in it, those of its folders too, in the order of
 * their names; what lies beside them (notes, thumbnails of the system) was not meant. Source: WICG, "File and
 * Directory Entries API".
 */
export interface Dropped {
	files: File[];
	/** Folders in which there was no picture. */
	empty: string[];
}

/** Of one folder. More than any question takes, so that the page says how many it takes. */
const mostFiles = 50;
const deepest = 4;

const isPicture = ({ name, type }: File) =>
	!name.startsWith('.') && (type.startsWith('image/') || /\.hei[cf]$/i.test(name));

const fileOf = (entry: FileSystemFileEntry) =>
	new Promise<File | undefined>((done) => entry.file(done, () => done(undefined)));

/** A folder tells what is in it a hundred at a time. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
	const reader = folder.createReader();
	const children: FileSystemEntry[] = [];
	for (;;) {
		const some = await new Promise<FileSystemEntry[]>((done) =>
			reader.readEntries(done, () => done([]))
		);
		if (some.length === 0) break;
		children.push(...some);
	}
	const inOrder = new Intl.Collator(undefined, { numeric: true });
	return children.sort((a, b) => inOrder.compare(a.name, b.name));
}

async function picturesIn(folder: FileSystemDirectoryEntry, depth = 1): Promise<File[]> {
	const found: File[] = [];
	for (const child of await childrenOf(folder)) {
		if (found.length >= mostFiles) break;
		if (child.isDirectory) {
			if (depth < deepest)
				found.push(...(await picturesIn(child as FileSystemDirectoryEntry, depth + 1)));
		} else {
			const file = await fileOf(child as FileSystemFileEntry);
			if (file && isPicture(file)) found.push(file);
		}
	}
	return found.slice(0, mostFiles);
}

/** To be called while the drop is being handled: afterwards the browser forgets what it was. */
export function dropped(transfer: DataTransfer): Promise<Dropped> {
	const given = [...transfer.items]
		.filter(({ kind }) => kind === 'file')
		.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
	return (async () => {
		const all: Dropped = { files: [], empty: [] };
		for (const { entry, file } of given) {
			if (entry?.isDirectory) {
				const pictures = await picturesIn(entry as FileSystemDirectoryEntry);
				all.files.push(...pictures);
				if (pictures.length === 0) all.empty.push(entry.name);
			} else if (file) all.files.push(file);
		}
		return all;
	})();
}
