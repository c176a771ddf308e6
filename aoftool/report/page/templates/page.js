"use strict";
// The page is whole without this: it adds what a hand may want. Texts are set as text and never as markup.
(function () {
  var WIDTH = 12000, NS = "http://www.w3.org/2000/svg", tip = document.getElementById("tip");
  function all(selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); }
  function make(name, text) { var e = document.createElement(name); if (text) { e.textContent = text; } return e; }

  // -- tables: sorted by a column, filtered by a word -----------------------------------------------
  all("table.data").forEach(function (table) {
    var body = table.tBodies[0], rows = all("tr", body);
    if (rows.length < 3) { return; }
    all("th", table).forEach(function (head, column) {
      if (!head.textContent) { return; }
      var button = make("button", head.textContent);
      button.type = "button";
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") !== "descending";
        all("th", table).forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.slice().sort(function (a, b) {
          var one = a.cells[column], two = b.cells[column];
          var x = one.dataset.value, y = two.dataset.value;
          var order = x !== undefined || y !== undefined
            ? (x === undefined ? -Infinity : Number(x)) - (y === undefined ? -Infinity : Number(y))
            : one.textContent < two.textContent ? -1 : one.textContent > two.textContent ? 1 : 0;
          return down ? -order || 0 : order || 0;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
    if (rows.length < 12) { return; }
    var field = make("input");
    field.type = "search";
    field.placeholder = "filter";
    field.setAttribute("aria-label", "Filter: " + table.caption.textContent);
    field.addEventListener("input", function () {
      var word = field.value.toLowerCase();
      rows.forEach(function (row) { row.hidden = word !== "" && row.textContent.toLowerCase().indexOf(word) < 0; });
    });
    table.parentNode.parentNode.insertBefore(field, table.parentNode);
  });

  // -- one range for all charts of one axis ---------------------------------------------------------
  var charts = all("figure[data-shared]"), ranges = {};
  charts.forEach(function (chart) {
    all(".tick", chart).forEach(function (tick) { tick.dataset.text = tick.textContent; });
    ranges[chart.dataset.shared] = [0, 1];
  });
  function place(chart, share) {
    var first = Number(chart.dataset.first), last = Number(chart.dataset.last);
    return first + share * (last - first);
  }
  function label(chart, share) {
    var table = document.getElementById(chart.dataset.table || "by-prefix-table");
    if (chart.dataset.shared !== "log" || !table) { return ""; }
    var rows = table.tBodies[0].rows;
    return rows.length ? all("tr", table.tBodies[0])[0] && steps(table)[Math.min(Math.floor(share * rows.length), rows.length - 1)].cells[0].textContent : "";
  }
  function steps(table) {
    if (!table.steps) { table.steps = all("tr", table.tBodies[0]); }
    return table.steps;
  }
  charts.forEach(function (chart) {
    var table = document.getElementById(chart.dataset.table || "by-prefix-table");
    if (table) { steps(table); }
  });
  function show(shared, range) {
    ranges[shared] = range;
    charts.filter(function (chart) { return chart.dataset.shared === shared; }).forEach(function (chart) {
      all("svg.zoom", chart).forEach(function (plot) {
        var box = plot.viewBox.baseVal;
        box.x = WIDTH * range[0];
        box.width = WIDTH * (range[1] - range[0]);
      });
      var whole = range[0] === 0 && range[1] === 1, ticks = all(".tick", chart);
      ticks.forEach(function (tick, number) {
        var last = number === ticks.length - 1;
        tick.textContent = whole ? tick.dataset.text
          : number === 0 || last ? label(chart, last ? range[1] : range[0]) || tick.dataset.text : "";
      });
    });
    all(".tools output").forEach(function (output) {
      output.textContent = range[0] === 0 && range[1] === 1 ? "" : "showing " + Math.round(100 * (range[1] - range[0])) + " % of the axis";
    });
  }
  function moved(shared, factor, shift) {
    var range = ranges[shared], size = Math.min(1, Math.max(0.005, (range[1] - range[0]) * factor));
    var middle = (range[0] + range[1]) / 2 + shift * (range[1] - range[0]);
    var from = Math.min(Math.max(0, middle - size / 2), 1 - size);
    show(shared, [from, from + size]);
  }

  // -- the bar of tools, for keys and for fingers ---------------------------------------------------
  var timeline = document.getElementById("timeline");
  if (timeline && charts.length) {
    var tools = make("div");
    tools.className = "tools";
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "Range of the charts");
    [["zoom in", 0.5, 0], ["zoom out", 2, 0], ["earlier", 1, -0.5], ["later", 1, 0.5], ["all", 1e9, 0]].forEach(function (item) {
      var button = make("button", item[0]);
      button.type = "button";
      button.addEventListener("click", function () { moved("log", item[1], item[2]); });
      tools.appendChild(button);
    });
    tools.appendChild(make("output"));
    timeline.insertBefore(tools, timeline.children[1] || null);
  }

  // -- hover, and drag to choose a range ------------------------------------------------------------
  function hide() {
    tip.hidden = true;
    all(".cursor,.chosen").forEach(function (e) { e.remove(); });
  }
  function mark(plot, name, kind, values) {
    var old = plot.querySelector("." + kind), e = old || document.createElementNS(NS, name);
    e.setAttribute("class", kind);
    Object.keys(values).forEach(function (key) { e.setAttribute(key, values[key]); });
    if (!old) { plot.appendChild(e); }
  }
  function words(chart, share) {
    var table = chart.dataset.table && document.getElementById(chart.dataset.table);
    if (!table) { return ""; }
    var rows = steps(table), row = rows[Math.max(0, Math.min(rows.length - 1, Math.floor(share * rows.length)))];
    var heads = all("th", table);
    return all("td", row).map(function (cell, at) {
      return at < 3 || Number(cell.dataset.value) > 0 ? heads[at].textContent + ": " + cell.textContent : "";
    }).filter(Boolean).join("\n");
  }
  charts.forEach(function (chart) {
    var shared = chart.dataset.shared;
    all("svg.zoom", chart).forEach(function (plot) {
      var began = null;
      function share(event) {
        var box = plot.getBoundingClientRect(), range = ranges[shared];
        var part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        return range[0] + part * (range[1] - range[0]);
      }
      plot.addEventListener("pointerdown", function (event) {
        if (event.pointerType === "mouse" && event.button === 0) { began = share(event); plot.setPointerCapture(event.pointerId); }
      });
      plot.addEventListener("pointermove", function (event) {
        var at = share(event), high = plot.viewBox.baseVal.height;
        charts.filter(function (other) { return other.dataset.shared === shared; }).forEach(function (other) {
          all("svg.zoom", other).forEach(function (own) {
            var box = own.viewBox.baseVal;
            mark(own, "line", "cursor", { x1: WIDTH * at, x2: WIDTH * at, y1: 0, y2: box.height });
          });
        });
        if (began !== null) {
          mark(plot, "rect", "chosen", { x: WIDTH * Math.min(began, at), y: 0, width: WIDTH * Math.abs(at - began), height: high });
        }
        var title = event.target.closest && event.target.closest("g") && event.target.closest("g").querySelector("title");
        var text = title ? title.textContent : words(chart, at);
        tip.hidden = !text;
        tip.textContent = text;
        var left = Math.min(event.pageX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
        tip.style.left = Math.max(4, left) + "px";
        tip.style.top = event.pageY + 16 + "px";
      });
      plot.addEventListener("pointerup", function (event) {
        if (began === null) { return; }
        var at = share(event), from = Math.min(began, at), to = Math.max(began, at);
        began = null;
        hide();
        if (to - from > 0.004) { show(shared, [from, to]); }
      });
      plot.addEventListener("pointerleave", function () { if (began === null) { hide(); } });
      plot.addEventListener("dblclick", function () { show(shared, [0, 1]); });
    });
  });
}());
