/**
 * Whether a key belongs to an input method that is composing (Chinese): Enter then chooses a word, and Esc drops it. Safari
 * tells of the Enter that ends it only by the old key code. Source: W3C UI Events, "Input Method Editors".
 */
export const composes = (event: KeyboardEvent) => event.isComposing || event.keyCode === 229;
