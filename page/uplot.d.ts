// `uplot.js` is the library's own file, which the server takes from its package.
export { default } from 'uplot';
