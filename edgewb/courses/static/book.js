"use strict";
// Draws each figure when it comes near the window, and lets its colours follow the page's light or dark scheme.
(function () {
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var plots = [];
  function colours() {
    var text = dark.matches ? "#d8d8d8" : "#333333";
    return { "font.color": text, "legend.font.color": text };
  }
  function draw(source) {
    var place = document.getElementById(source.dataset.figure);
    var figure = JSON.parse(source.textContent);
    figure.layout.autosize = true;
    figure.layout.font = figure.layout.font || {};
    figure.layout.font.color = colours()["font.color"];
    delete figure.layout.width;
    plots.push(place);
    return Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false })
      .then(function () { place.dataset.drawn = "yes"; });
  }
  var sources = Array.prototype.slice.call(document.querySelectorAll("script[data-figure]"));
  function drawNow(source) {
    var at = sources.indexOf(source);
    if (at < 0) { return; }
    sources.splice(at, 1);
    draw(source);
  }
  var watcher = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) {
        watcher.unobserve(entry.target);
        drawNow(document.querySelector('script[data-figure="' + entry.target.id + '"]'));
      }
    });
  }, { rootMargin: "800px" });
  sources.forEach(function (source) { watcher.observe(document.getElementById(source.dataset.figure)); });
  dark.addEventListener("change", function () { plots.forEach(function (place) { Plotly.relayout(place, colours()); }); });
  window.addEventListener("beforeprint", function () { sources.slice().forEach(drawNow); });
  // On a phone the list of headings would stand before the text: closed, it is one line.
  var contents = document.querySelector("nav.contents details");
  if (contents && window.matchMedia("(max-width: 1000px)").matches) { contents.open = false; }
})();
