"use strict";
// A sound when a page comes, for who wants one. No browser lets a page sound before something was pressed in it.

let audio = null;

function beep() {
  if (!$("sound").checked || !audio || audio.state !== "running") return;
  const tone = audio.createOscillator();
  tone.connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.25);
}

function listen() {
  if ($("sound").checked && !audio) {
    audio = new AudioContext();
    audio.addEventListener("statechange", tellOfSound);
  }
  // Where nothing was pressed yet this waits until something is.
  if (audio && $("sound").checked) audio.resume();
  tellOfSound();
}

function tellOfSound() {
  const waits = $("sound").checked && audio && audio.state !== "running";
  setText($("sound-note"), waits ? "press anything on this page, else there is no sound" : "");
}

// The next round is another page, and who wanted a sound wants it still.
$("sound").checked = sessionStorage.getItem("sound") === "on";
$("sound").addEventListener("change", () => {
  sessionStorage.setItem("sound", $("sound").checked ? "on" : "off");
  listen();
});
for (const what of ["pointerdown", "pointerup", "keydown"]) addEventListener(what, () => { if (audio) listen(); });
listen();
