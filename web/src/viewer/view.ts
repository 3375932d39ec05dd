/**
 * Where a picture lies on its stage: a scale and the place of its upper left corner, in stage pixels.
 * Plain geometry; knows no elements.
 */
export interface Size {
	width: number;
	height: number;
}

export interface Point {
	x: number;
	y: number;
}

export interface View extends Point {
	scale: number;
}

/** A small label is enlarged to fill the stage, but not to a mosaic. */
const largestFit = 4;
/** Stage left free around a fitted picture. */
const margin = 16;
/** How far in one can go, from the fitted size. */
const deepest = 12;

const between = (least: number, value: number, most: number) =>
	Math.min(Math.max(value, least), most);

export function fitScale(stage: Size, picture: Size): number {
	if (picture.width <= 0 || picture.height <= 0 || stage.width <= 0 || stage.height <= 0) return 1;
	const room = (length: number) => Math.max(length - 2 * margin, length / 2);
	return Math.min(
		room(stage.width) / picture.width,
		room(stage.height) / picture.height,
		largestFit
	);
}

export function fit(stage: Size, picture: Size): View {
	return settle({ scale: fitScale(stage, picture), x: 0, y: 0 }, stage, picture);
}

/** The nearest view that shows no more empty stage than it must. */
export function settle(view: View, stage: Size, picture: Size): View {
	const least = fitScale(stage, picture);
	const scale = between(least, view.scale, least * deepest);
	const along = (offset: number, room: number, length: number) =>
		length <= room ? (room - length) / 2 : between(room - length, offset, 0);
	return {
		scale,
		x: along(view.x, stage.width, picture.width * scale),
		y: along(view.y, stage.height, picture.height * scale)
	};
}

/** Scales about a point of the stage, which keeps its place in the picture. */
export function zoom(view: View, factor: number, about: Point, stage: Size, picture: Size): View {
	const least = fitScale(stage, picture);
	const scale = between(least, view.scale * factor, least * deepest);
	const ratio = scale / view.scale;
	const moved = {
		scale,
		x: about.x - (about.x - view.x) * ratio,
		y: about.y - (about.y - view.y) * ratio
	};
	return settle(moved, stage, picture);
}

export function move(view: View, by: Point, stage: Size, picture: Size): View {
	return settle({ ...view, x: view.x + by.x, y: view.y + by.y }, stage, picture);
}

export const isFitted = (view: View, stage: Size, picture: Size) =>
	view.scale <= fitScale(stage, picture) * 1.001;

/** What two fingers did: how much further apart they are, and how far their middle went. */
export function pinch(before: [Point, Point], after: [Point, Point]) {
	const apart = ([a, b]: [Point, Point]) => Math.hypot(a.x - b.x, a.y - b.y);
	const middle = ([a, b]: [Point, Point]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
	const [from, to] = [middle(before), middle(after)];
	return {
		factor: apart(before) > 0 ? apart(after) / apart(before) : 1,
		about: to,
		by: { x: to.x - from.x, y: to.y - from.y }
	};
}
