"use strict";
// Draws the figures whose data stand in the page, and lets their colours follow the page's light or dark scheme.
(function () {
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function colours(isDark) {
    var text = isDark ? "#d8d8d8" : "#333333";
    return { "font.color": text, "legend.font.color": text };
  }
  var plots = [];
  document.querySelectorAll("script[data-figure]").forEach(function (source) {
    var place = document.getElementById(source.dataset.figure);
    var figure = JSON.parse(source.textContent);
    figure.layout.autosize = true;
    figure.layout.font.color = colours(dark.matches)["font.color"];
    Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false })
      .then(function () { place.dataset.drawn = "yes"; });
    plots.push(place);
  });
  function recolour(isDark) {
    plots.forEach(function (place) { Plotly.relayout(place, colours(isDark)); });
  }
  dark.addEventListener("change", function () { recolour(dark.matches); });
  // A figure keeps its width when the page is laid out on paper: give it that of a sheet (18 cm) while printing.
  window.addEventListener("beforeprint", function () {
    recolour(false);
    plots.forEach(function (place) { Plotly.relayout(place, { width: 680 }); });
  });
  window.addEventListener("afterprint", function () {
    recolour(dark.matches);
    plots.forEach(function (place) { Plotly.relayout(place, { width: null, autosize: true }); });
  });
})();
