// The charts of a page, from the data that stands in it, in the page's own colours.
"use strict";

const drawings = [];
const data = (id) => { const element = document.getElementById(id); return element ? JSON.parse(element.textContent) : null; };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function layout(more = {}) {
  const ink = colour("ink"), line = colour("line");
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: colour("mark"), automargin: true };
  const { xaxis, yaxis, ...rest } = more;
  return {
    paper_bgcolor: colour("ground"), plot_bgcolor: colour("ground"),
    font: { color: ink, size: 12, family: "system-ui, -apple-system, Segoe UI, Roboto, Liberation Sans, sans-serif" },
    margin: { l: 60, r: 16, t: 12, b: 48 }, hovermode: "closest", showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" },
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("mark"), font: { color: ink } },
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
  };
}

function draw(id, make, clicked) {
  const element = document.getElementById(id);
  if (!element) return;
  const again = () => {
    const { traces, ...more } = make();
    return Plotly.react(element, traces, layout(more), { responsive: true, displaylogo: false, displayModeBar: false });
  };
  drawings.push(again);
  again();
  if (clicked) element.on("plotly_click", (event) => clicked(event.points[0]));
}

// A single analysis stands in the middle of two days, not of two milliseconds.
function around(moment) {
  const day = 86400000, at = new Date(moment).getTime();
  return { range: [at - day, at + day] };
}

const points = data("points");
if (points) {
  const dots = (signal, symbol, name) => {
    const at = points.signal.map((found, n) => (found === signal ? n : -1)).filter((n) => n >= 0);
    return {
      name: signal, mode: "markers", x: at.map((n) => points.analysis_date[n]), y: at.map((n) => points.current_price[n]),
      marker: { symbol, size: signal === "HOLD" ? 5 : 11, color: colour(name), line: { width: 1, color: colour("ground") } },
    };
  };
  const [band, alone] = points.analysis_date.length > 1 ? ["lines", {}] : ["lines+markers", around(points.analysis_date[0])];
  draw("bands", () => ({
    traces: [
      { name: "Lower band", x: points.analysis_date, y: points.lower_band, mode: band, line: { color: colour("soft"), width: 1 } },
      { name: "Upper band", x: points.analysis_date, y: points.upper_band, mode: band, line: { color: colour("soft"), width: 1 }, fill: "tonexty", fillcolor: colour("fresh") + "99" },
      { name: "Price", x: points.analysis_date, y: points.current_price, mode: points.analysis_date.length > 1 ? "lines" : "markers", line: { color: colour("accent"), width: 2 } },
      dots("BUY", "triangle-up", "good"), dots("SELL", "triangle-down", "bad"), dots("HOLD", "square", "soft"),
    ],
    hovermode: "x unified", xaxis: { type: "date", title: { text: "Analysis, UTC" }, ...alone }, yaxis: { tickformat: ",.8~f" },
  }));
}

const metrics = data("metrics");
if (metrics) {
  const alone = metrics.analysis_date.length > 1 ? {} : around(metrics.analysis_date[0]);
  const line = (name, values, ink) => ({ name, x: metrics.analysis_date, y: values, mode: "lines+markers", line: { color: colour(ink), width: 2 }, marker: { size: 5 } });
  draw("returns", () => ({
    traces: [line("Total return, %", metrics.total_return, "accent"), line("Drawdown, %", metrics.max_drawdown, "care")],
    xaxis: { type: "date", ...alone },
  }));
  draw("sharpe", () => ({ traces: [line("Sharpe ratio", metrics.sharpe_ratio, "accent")], xaxis: { type: "date", ...alone } }));
}

const drawn = data("drawn");
if (drawn) {
  const degrees = [...new Set(drawn.grid.map((row) => row.degree))].sort((a, b) => a - b);
  const kstds = [...new Set(drawn.grid.map((row) => row.kstd))].sort((a, b) => a - b);
  const cell = (degree, kstd) => drawn.grid.find((row) => row.degree === degree && row.kstd === kstd);
  const open = (degree, kstd, lookback) => {
    const to = new URL(location.href);
    to.searchParams.set("degree", degree);
    to.searchParams.set("kstd", kstd);
    if (lookback !== undefined) to.searchParams.set("lookback", lookback);
    location.assign(to);
  };
  const heat = (value, name) => () => ({
    traces: [{
      type: "heatmap", x: kstds.map(String), y: degrees.map(String),
      z: degrees.map((degree) => kstds.map((kstd) => cell(degree, kstd)?.[value] ?? null)),
      text: degrees.map((degree) => kstds.map((kstd) => cell(degree, kstd)?.rows ?? 0)),
      hovertemplate: `degree %{y}, kstd %{x}<br>${name} %{z:.2f}<br>%{text} rows<extra></extra>`,
      colorscale: [[0, colour("bad")], [0.5, colour("panel")], [1, colour("good")]], zmid: 0, hoverongaps: false,
      colorbar: { thickness: 12, outlinewidth: 0 },
    }],
    showlegend: false,
    xaxis: { type: "category", title: { text: "kstd" } }, yaxis: { type: "category", title: { text: "Degree" } },
  });
  const pick = (point) => open(point.y, point.x);
  draw("heat-sharpe", heat("sharpe", "median Sharpe"), pick);
  draw("heat-total", heat("total", "median return"), pick);
  const rows = drawn.rows.filter((row) => row.total_return !== null && row.max_drawdown !== null);
  draw("scatter", () => ({
    traces: [{
      mode: "markers", x: rows.map((row) => Math.abs(row.max_drawdown)), y: rows.map((row) => row.total_return),
      text: rows.map((row) => `${row.symbol}, degree ${row.degree}, kstd ${row.kstd}${row.lookback === undefined ? "" : `, look-back ${row.lookback}`}`),
      hovertemplate: "%{text}<br>drawdown %{x:.2f} %<br>return %{y:.2f} %<extra></extra>",
      marker: { color: colour("accent"), size: 8, opacity: 0.7 },
    }],
    showlegend: false, xaxis: { title: { text: "Drawdown, %" } }, yaxis: { title: { text: "Total return, %" } },
  }), ({ pointIndex }) => open(rows[pointIndex].degree, rows[pointIndex].kstd, rows[pointIndex].lookback));
}

document.addEventListener("themechange", () => drawings.forEach((again) => again()));
