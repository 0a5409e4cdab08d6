/** The start of the page. */
import { render } from "preact";
import { App } from "./app/app";
import "./ui/base.css";

const root = document.getElementById("page");
if (root === null) throw new Error("index.html has no element with the id page");
render(<App />, root);
