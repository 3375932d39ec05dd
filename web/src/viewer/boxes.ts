/**
 * Boxes on a picture: thousandths of the picture as shown (0-1000 both ways) and pixels of the stage it
 * lies on. Plain geometry; knows no elements.
 */
import type { Box } from '../api/types';
import type { Point, Size, View } from './view';

export interface Place {
	left: number;
	top: number;
	width: number;
	height: number;
}

const whole = 1000;
/** A box smaller than this is a slip of the hand. */
export const leastSide = 8;

const between = (least: number, value: number, most: number) =>
	Math.min(Math.max(value, least), most);

/** Where a box lies on the stage. */
export function placeOf([x0, y0, x1, y1]: Box, view: View, picture: Size): Place {
	const width = (picture.width * view.scale) / whole;
	const height = (picture.height * view.scale) / whole;
	return {
		left: view.x + x0 * width,
		top: view.y + y0 * height,
		width: (x1 - x0) * width,
		height: (y1 - y0) * height
	};
}

/** The point of the picture under a point of the stage, kept on the picture. */
function onPicture(point: Point, view: View, picture: Size): Point {
	const along = (at: number, from: number, length: number) =>
		length > 0 ? between(0, Math.round(((at - from) / (length * view.scale)) * whole), whole) : 0;
	return {
		x: along(point.x, view.x, picture.width),
		y: along(point.y, view.y, picture.height)
	};
}

/** The box between two points of the stage, whichever way it was drawn. */
export function boxBetween(from: Point, to: Point, view: View, picture: Size): Box {
	const a = onPicture(from, view, picture);
	const b = onPicture(to, view, picture);
	return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
}

export const isSlip = ([x0, y0, x1, y1]: Box) => x1 - x0 < leastSide || y1 - y0 < leastSide;

/** The same box elsewhere; it stays on the picture and keeps its size. */
export function moved([x0, y0, x1, y1]: Box, by: Point): Box {
	const x = between(-x0, by.x, whole - x1);
	const y = between(-y0, by.y, whole - y1);
	return [x0 + x, y0 + y, x1 + x, y1 + y];
}

/** The same upper left corner, another size. */
export function sized([x0, y0, x1, y1]: Box, by: Point): Box {
	return [
		x0,
		y0,
		between(Math.min(x0 + leastSide, whole), x1 + by.x, whole),
		between(Math.min(y0 + leastSide, whole), y1 + by.y, whole)
	];
}

/** A little more than the box, for the eye to find its way. */
export function withMargin([x0, y0, x1, y1]: Box, share = 0.12): Box {
	const across = (x1 - x0) * share;
	const down = (y1 - y0) * share;
	return [
		Math.max(0, x0 - across),
		Math.max(0, y0 - down),
		Math.min(whole, x1 + across),
		Math.min(whole, y1 + down)
	];
}

/**
 * How a picture lies behind a window that shows only the box: in percent of the window's own sides, so
 * that it holds whatever size the window is given.
 */
export function cropOf([x0, y0, x1, y1]: Box, picture: Size) {
	const across = Math.max(1, x1 - x0);
	const down = Math.max(1, y1 - y0);
	return {
		aspect: (across * picture.width) / Math.max(1, down * picture.height),
		width: (whole / across) * 100,
		left: (-x0 / across) * 100,
		top: (-y0 / down) * 100
	};
}
