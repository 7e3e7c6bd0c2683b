/** Where this page lives, whatever is in front of the server: the folder of its `base` element. */
export const base = new URL(".", document.baseURI);

/** The path below which the router works, without a slash at its end. */
export const root = base.pathname.replace(/\/$/, "");

/** The server of this page, for whoever asks it from elsewhere; without a slash at its end. */
export const server = base.href.replace(/\/$/, "");
