/** The start of the page. */
import { render } from "preact";
import "./ui/base.css";
import { App } from "./app/app";
import { startTheme } from "./app/theme";

const root = document.getElementById("page");
if (root === null) throw new Error("index.html has no element with the id page");
startTheme();
render(<App />, root);
