// Takes the key from the address, keeps it for this tab alone, and sends it as the first message to the server.

const KEY = "cure-tui key"; // in sessionStorage, which other tabs, ports and hosts cannot read
const CLOSED_BECAUSE = { 4401: "locked", 4429: "full" }; // the codes of cure_tui/web/server.py

function keep(key) {
  sessionStorage.setItem(KEY, key);
  // A page loaded anew in place of this one: replaceState would leave the address as it was typed in the tab's history.
  location.replace(location.pathname);
}

function keyOf(text) {
  return text.split("key=").pop().trim();
}

// Passes for WebSocket in textual-serve's script, which knows of no key.
class KeyedWebSocket extends WebSocket {
  constructor(address) {
    super(address);
    this.addEventListener("open", () => super.send(sessionStorage.getItem(KEY)));
    this.addEventListener("close", (event) => document.body.classList.add(`-${CLOSED_BECAUSE[event.code] || "ended"}`));
  }

  send(data) {
    if (this.readyState === WebSocket.OPEN) super.send(data);
  }
}

function connect() {
  document.getElementById("terminal").dataset.sessionWebsocketUrl =
    (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws";
  window.WebSocket = KeyedWebSocket;
  // Keys go to the dashboard as soon as it can be seen, without a click.
  new MutationObserver((changes, observer) => {
    if (document.body.classList.contains("-first-byte")) {
      observer.disconnect();
      document.querySelector("#terminal textarea").focus();
    }
  }).observe(document.body, { attributeFilter: ["class"] });
  const script = document.createElement("script");
  script.src = "static/js/textual.js";
  document.body.append(script);
}

function start() {
  if (location.hash.startsWith("#key=")) keep(keyOf(location.hash));
  else if (sessionStorage.getItem(KEY)) connect();
  else document.body.classList.add("-closed", "-locked");
}

for (const button of document.querySelectorAll("button[type=button]")) {
  button.addEventListener("click", () => location.reload());
}
document.getElementById("locked").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(keyOf(document.getElementById("key").value));
});
// The address pasted into this tab's address bar: the browser loads nothing, as the fragment alone has changed.
window.addEventListener("hashchange", start);
start();
