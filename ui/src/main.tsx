import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./theme";
import { startLive } from "./live";
import { Shell } from "./shell";

startLive();
render(<Shell />, document.getElementById("app")!);
