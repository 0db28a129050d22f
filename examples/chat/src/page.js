"use strict";

// ---- The wire: one JSON object in each frame; a request is answered by replies and one ack that carry its uuid. ----

/** How a request failed: `code` as the server gave it, or 0 if the connection broke before the answer. */
class Failure extends Error {
  constructor(message, code) { super(message); this.code = code; }
}

class Link {
  static PATIENCE = 15_000; // Milliseconds for an answer; then the connection counts as dead.
  static DELAYS = [500, 30_000]; // Milliseconds before trying again: at first, at most.

  #socket = null;
  #requests = new Map();
  #attempts = 0;
  #timer = 0;

  /** `handlers`: message(type, body), state({ status, at }), opened(). */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    this.token = null;
  }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN; }

  connect() {
    clearTimeout(this.#timer);
    this.#drop();
    this.handlers.state({ status: "connecting" });
    const socket = this.#socket = new WebSocket(this.url);
    const current = (act) => (event) => { if (socket === this.#socket) act(event); };
    // A connection that neither opens nor fails is given up.
    const patience = setTimeout(current(() => this.#lost(0)), Link.PATIENCE);
    socket.onopen = current(() => {
      clearTimeout(patience);
      this.handlers.state({ status: "open" });
      this.handlers.opened();
    });
    socket.onmessage = current((event) => this.#receive(JSON.parse(event.data)));
    socket.onclose = current((event) => { clearTimeout(patience); this.#lost(event.code); });
  }

  /** What the server answers a request of this type with; a `Failure` if it refuses or the connection breaks. */
  request(messageType, body = {}) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Failure("There is no connection.", 0));
      const uuid = randomKey();
      const timer = setTimeout(() => this.#lost(0), Link.PATIENCE);
      this.#requests.set(uuid, { resolve, reject, timer, reply: undefined });
      const now = Date.now();
      const headers = { messageType, uuid, authHeader: this.token, eventTime: now, localTime: now, ack: true, retryCount: 0, apiVersion: 1 };
      this.#socket.send(JSON.stringify({ headers, body }));
    });
  }

  /** Answers have come, so this is a server that works: the next break is met quickly. */
  settled() { this.#attempts = 0; }

  /** The server answers, but cannot serve now: the next try is made after a while. */
  later() { this.#lost(0); }

  #receive({ headers, body = {} }) {
    const request = this.#requests.get(headers.uuid);
    if (headers.messageType !== "ack") {
      if (request) request.reply = body;
      else this.handlers.message(headers.messageType, body);
    } else if (request) {
      this.#requests.delete(headers.uuid);
      clearTimeout(request.timer);
      if (body.errorMessage) request.reject(new Failure(body.errorMessage, body.errorCode ?? 500));
      else request.resolve(request.reply);
    }
  }

  #lost(code) {
    this.#drop();
    if (code >= 4400 && code <= 4403) return this.handlers.state({ status: "ended" }); // Not to be tried again unasked.
    const [first, most] = Link.DELAYS;
    const delay = Math.min(most, first * 2 ** this.#attempts++) * (0.5 + Math.random() / 2); // Not all at once.
    this.#timer = setTimeout(() => this.connect(), delay);
    this.handlers.state({ status: "waiting", at: Date.now() + delay });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const broken = [...this.#requests.values()];
    this.#requests.clear();
    for (const { reject, timer } of broken) { clearTimeout(timer); reject(new Failure("The connection broke.", 0)); }
  }
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- What the page knows. ----

const $ = (selector) => document.querySelector(selector);
const kept = {
  read(name, otherwise) { try { return JSON.parse(localStorage.getItem(`chat.${name}`)) ?? otherwise; } catch { return otherwise; } },
  write(name, value) { try { localStorage.setItem(`chat.${name}`, JSON.stringify(value)); } catch { /* Then it lasts as long as the page. */ } },
};

let me = kept.read("me", null); // { name, token }
let current = null; // The name of the room that is shown.
let connection = { status: "connecting" };
const rooms = new Map(); // name → { name, last }, as the server tells
const seen = kept.read("seen", {}); // name → id of the newest message seen
const views = new Map(); // name → what is known of a room that was opened
const outbox = new Map(); // key → { key, room, text, at, error }: said, but not confirmed

function view(name) {
  if (!views.has(name)) views.set(name, { messages: [], complete: false, loaded: false, fetching: false, people: [], draft: "", top: null });
  return views.get(name);
}

function understand({ id, author, text = "", sentAt, key = "" }) {
  return { id: Number(id), author, text, at: new Date(sentAt), key };
}

/** Puts messages where their ids belong; one that is there already stays. */
function take(room, messages) {
  const { messages: known } = view(room);
  for (const message of messages) {
    let place = known.length;
    while (place > 0 && known[place - 1].id > message.id) place--;
    if (known[place - 1]?.id !== message.id) known.splice(place, 0, message);
    if (message.author === me?.name) outbox.delete(message.key);
  }
}

// ---- What the server says. ----

const link = new Link(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
  state(state) { connection = state; showConnection(); },
  opened() { if (me) resume(); },
  message(type, body) {
    if (type === "chat-sent") {
      take(body.room, [understand(body.message)]);
      if (body.room === current) showMessages();
    } else if (type === "people-changed") {
      view(body.room).people = body.people ?? [];
      if (body.room === current) showPeople();
    } else if (type === "room-changed") {
      noteRoom(body.room);
      showRooms();
    } else if (type === "token-invalid" && me) {
      signedOut("You are signed out: take a name again.");
    }
  },
});

function noteRoom({ name, last }) {
  const known = rooms.get(name)?.last;
  const message = last && understand(last);
  rooms.set(name, { name, last: known && (!message || known.id > message.id) ? known : message });
}

/** After every connect: the rooms, the room that is shown, and what was not confirmed before the connection broke. */
async function resume() {
  try {
    const { rooms: list = [] } = await link.request("list-rooms");
    link.settled();
    list.forEach(noteRoom);
    showRooms();
    await openRoom(current ?? addressed());
    for (const message of outbox.values()) if (!message.error) deliver(message);
  } catch (failure) {
    if (failure.code === 401) signedOut("You are signed out: take a name again.");
    else if (failure.code >= 500) link.later();
    else if (failure.code) notice(sentence(failure));
  }
}

/** The room that the page's address names. */
function addressed() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

async function openRoom(name) {
  if (!rooms.has(name)) name = rooms.has("General") ? "General" : [...rooms.keys()][0];
  if (name === undefined) return;
  if (current !== name) {
    leaveView();
    current = name;
    if (addressed() !== name) history.pushState(null, "", `#${encodeURIComponent(name)}`);
    showRoom();
  }
  if (!link.isOpen) return; // It is opened as soon as there is a connection.
  const { messages = [], complete = false } = await link.request("open-room", { room: name });
  const known = view(name);
  const newest = messages.map(understand);
  // More was said in our absence than came now: what is older is fetched again when it is looked for.
  const gap = !complete && known.messages.length > 0 && newest[0].id > known.messages.at(-1).id;
  if (gap || !known.loaded) [known.messages, known.complete] = [[], complete];
  known.loaded = true;
  take(name, newest);
  if (name === current) showMessages();
}

async function fetchOlder() {
  const [room, known] = [current, view(current)];
  if (known.complete || known.fetching || !known.loaded || !known.messages.length || !link.isOpen) return;
  known.fetching = true;
  showOlder();
  try {
    const { messages = [], complete = false } = await link.request("fetch-history", { room, before: known.messages[0].id });
    known.complete = complete;
    take(room, messages.map(understand));
  } catch (failure) {
    if (failure.code) notice(sentence(failure));
  }
  known.fetching = false;
  if (room === current) showMessages();
}

function say(text) {
  const message = { key: randomKey(), room: current, text, at: new Date(), error: null };
  outbox.set(message.key, message);
  deliver(message);
  showMessages({ toEnd: true });
}

/** Sends until it is confirmed; its key lets the server tell a second try from a second message. */
async function deliver(message) {
  const { room, text, key } = message;
  try {
    const sent = await link.request("send-chat", { room, text, key });
    take(room, [understand(sent.message)]);
  } catch (failure) {
    if (failure.code === 0) return; // `resume` tries again.
    message.error = failure.message;
  }
  if (room === current) showMessages();
}

// ---- What is shown. Text of users goes through `textContent` alone. ----

function element(tag, properties = {}, ...children) {
  const { style, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(style ?? {})) made.style.setProperty(name, value);
  made.append(...children);
  return made;
}

/** Makes `parent` hold these items in order; what has not changed since (`key`, `print`) keeps its element. */
function arrange(parent, items) {
  const old = new Map(Array.from(parent.children, (child) => [child.key, child]));
  let next = parent.firstElementChild;
  for (const { key, print, make } of items) {
    let child = old.get(key);
    old.delete(key);
    if (child?.print !== print) {
      const fresh = Object.assign(make(), { key, print });
      if (child === next) next = child?.nextElementSibling ?? null;
      child?.remove();
      child = fresh;
    }
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of old.values()) child.remove();
}

function hue(name) {
  let hash = 7;
  for (const letter of name.toLowerCase()) hash = (hash * 31 + letter.codePointAt(0)) % 997;
  return String((hash * 47) % 360);
}

function avatar(name, size = "") {
  const letters = name.split(" ").map((word) => word.match(/[\p{L}\p{N}]/u)?.[0] ?? "");
  const initials = letters.filter(Boolean).slice(0, 2).join("").toUpperCase();
  return element("span", { className: `avatar ${size}`, ariaHidden: "true", style: { "--hue": hue(name) } }, initials);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function dayName(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : DAY.format(date);
}

function time(date, className = "") {
  return element("time", { dateTime: date.toISOString(), title: `${DAY.format(date)}, ${CLOCK.format(date)}`, className }, CLOCK.format(date));
}

/** Text with its web addresses as links. */
function withLinks(text) {
  return text.split(/(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]])/u).map((part, index) =>
    index % 2 ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}

function isUnread({ name, last }) {
  return !!last && last.id > (seen[name] ?? 0) && last.author !== me.name;
}

function showRooms() {
  const list = [...rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
  const unread = list.filter(isUnread);
  arrange($("#room-list"), list.map((room) => ({
    key: room.name,
    print: [room.last?.id, room.name === current, isUnread(room), room.last && dayName(room.last.at)].join(),
    make() {
      const { name, last } = room;
      const button = element("button", { type: "button", onclick: () => { closeDrawer(); open(name); } },
        element("span", { className: "name" }, name));
      if (last) {
        const when = dayName(last.at) === "Today" ? CLOCK.format(last.at) : DATE.format(last.at);
        button.append(element("time", { dateTime: last.at.toISOString() }, when),
          element("span", { className: "last" }, `${last.author === me.name ? "You" : last.author}: ${last.text}`));
      } else {
        button.append(element("span"), element("span", { className: "last" }, "No messages yet"));
      }
      if (name === current) button.setAttribute("aria-current", "page");
      if (isUnread(room)) {
        button.classList.add("unread");
        button.append(element("span", { className: "dot" }, element("span", { className: "quiet" }, "unread")));
      }
      return element("li", {}, button);
    },
  })));
  $("#to-rooms").classList.toggle("unread", unread.length > 0);
  document.title = `${unread.length ? `(${unread.length}) ` : ""}${current ? `${current} · ` : ""}Chat`;
}

function showRoom() {
  const { draft } = view(current);
  $("#room-name").textContent = current;
  $("#text").placeholder = `Message #${current}`;
  $("#text").value = draft;
  $("#text").disabled = false;
  fit();
  $("#messages").replaceChildren();
  showPeople();
  showRooms();
  showMessages({ toEnd: true });
  if (matchMedia("(hover: hover)").matches) $("#text").focus(); // On a telephone the keyboard would cover the room.
}

function leaveView() {
  if (current) view(current).draft = $("#text").value;
}

function showPeople() {
  const { people } = view(current);
  $("#people-count").textContent = people.length || "";
  arrange($("#people-list"), people.map((name) => ({
    key: name,
    print: name,
    make: () => element("li", {}, element("span", { className: "face" }, avatar(name, "small")),
      element("span", { className: "who" }, name, ...(name === me.name ? [element("span", { className: "you" }, " (you)")] : []))),
  })));
}

const scroller = $("#scroller");
const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
const isWatched = () => document.visibilityState === "visible" && !$("#chat").hidden;

function showMessages({ toEnd = false } = {}) {
  const { messages, loaded } = view(current);
  const waiting = [...outbox.values()].filter(({ room }) => room === current);
  const follow = toEnd || isAtEnd();
  const [fromEnd, newest] = [scroller.scrollHeight - scroller.scrollTop, $("#messages").lastElementChild?.key];

  const items = [];
  let before = null;
  for (const message of [...messages, ...waiting.map((message) => ({ ...message, author: me.name }))]) {
    const isNewDay = !before || dayName(before.at) !== dayName(message.at);
    if (isNewDay) {
      const day = dayName(message.at);
      items.push({ key: `day ${message.at.toDateString()}`, print: day, make: () => element("li", { className: "day" }, day) });
    }
    const isFirst = isNewDay || before.author !== message.author || message.at - before.at > 5 * 60_000;
    items.push({ key: message.id ?? message.key, print: [isFirst, message.error].join(), make: () => messageElement(message, isFirst) });
    before = message;
  }
  arrange($("#messages"), items);

  $("#nothing").hidden = items.length > 0;
  $("#nothing").replaceChildren(...nothing(loaded));
  showOlder();
  if (follow) {
    scroller.scrollTop = scroller.scrollHeight;
    $("#newer").hidden = true;
  } else if ($("#messages").lastElementChild?.key !== newest) {
    $("#newer").hidden = false;
  } else {
    scroller.scrollTop = scroller.scrollHeight - fromEnd; // Older ones came in above: what is read stays where it is.
  }
  markSeen();
  // A tall window may show the top already.
  if (scroller.scrollHeight <= scroller.clientHeight) fetchOlder();
}

function nothing(loaded) {
  if (!loaded) return ["Loading…"];
  const icon = $("#welcome .mark svg").cloneNode(true);
  return [icon, element("b", {}, `Nothing was said in #${current} yet`), element("span", {}, "Be the first: say hello.")];
}

function messageElement({ id, key, author, text, at, error }, isFirst) {
  const item = element("li", { className: "message" });
  item.style.setProperty("--hue", hue(author));
  if (isFirst) {
    item.classList.add("first");
    item.append(element("span", { className: "face" }, avatar(author)),
      element("div", { className: "head" }, element("span", { className: "author" }, author), time(at)));
  } else {
    item.append(element("span", { className: "quiet" }, author), time(at, "aside"));
  }
  item.append(element("div", { className: "text" }, ...withLinks(text)));
  if (id === undefined) {
    item.classList.add(error ? "failed" : "pending");
    item.append(error
      ? element("div", { className: "state" }, `Not sent: ${error}.`,
        element("button", { type: "button", className: "link", onclick: () => tryAgain(key) }, "Try again"),
        element("button", { type: "button", className: "link", onclick: () => { outbox.delete(key); showMessages(); } }, "Discard"))
      : element("div", { className: "state" }, "Sending…"));
  }
  return item;
}

function tryAgain(key) {
  const message = outbox.get(key);
  message.error = null;
  deliver(message);
  showMessages();
}

function showOlder() {
  const { complete, fetching, loaded, messages } = view(current);
  $("#older").hidden = !loaded || !messages.length;
  $("#older").textContent = complete ? `This is where #${current} begins.` : fetching ? "Loading…" : "";
}

function markSeen() {
  const newest = view(current).messages.at(-1)?.id;
  if (!newest || !isWatched() || !isAtEnd() || newest <= (seen[current] ?? 0)) return;
  seen[current] = newest;
  kept.write("seen", seen);
  showRooms();
}

let bannerTimer = 0;
function showConnection() {
  clearTimeout(bannerTimer);
  const banner = $("#banner");
  const { status, at } = connection;
  $("#chat").classList.toggle("apart", status !== "open");
  const show = (text, button) => {
    banner.hidden = false;
    banner.firstElementChild.textContent = text;
    banner.lastElementChild.hidden = !button;
    banner.lastElementChild.textContent = button ?? "";
  };
  if (status === "open") banner.hidden = true;
  else if (status === "ended") show("The server has closed the connection.", "Connect again");
  else if (status === "connecting") bannerTimer = setTimeout(() => show("Connecting…"), banner.hidden ? 600 : 0);
  else {
    const seconds = Math.ceil((at - Date.now()) / 1000);
    const text = navigator.onLine === false ? "You are offline." : "The connection is lost.";
    show(seconds > 1 ? `${text} Trying again in ${seconds} seconds.` : `${text} Trying again.`, "Try now");
    if (seconds > 1) bannerTimer = setTimeout(showConnection, 1000);
  }
  if ($("#welcome").hidden === false) $("#welcome .primary").disabled = status !== "open";
}

let noticeTimer = 0;
function notice(text) {
  clearTimeout(noticeTimer);
  $("#notice").textContent = text;
  $("#notice").hidden = false;
  noticeTimer = setTimeout(() => { $("#notice").hidden = true; }, 5000);
}

function showWelcome(problem = "") {
  $("#chat").hidden = true;
  $("#welcome").hidden = false;
  $("#welcome").prepend($("#banner"));
  problemOf("#your-name", problem);
  document.title = "Chat";
  showConnection();
  $("#your-name").focus();
}

function showChat() {
  $("#welcome").hidden = true;
  $("#chat").hidden = false;
  $("main > header").after($("#banner"));
  $("#me .avatar").replaceWith(avatar(me.name, "small"));
  $("#me .who").textContent = me.name;
  showConnection();
}

function problemOf(input, text) {
  $(`#${$(input).getAttribute("aria-describedby")}`).textContent = text;
  $(input).setAttribute("aria-invalid", String(!!text));
  if (text) $(input).focus();
}

/** As the server words it, as a sentence. */
function sentence(failure) {
  return `${failure.message[0].toUpperCase()}${failure.message.slice(1)}${failure.message.endsWith(".") ? "" : "."}`;
}

// ---- What people do. ----

$("#welcome form").onsubmit = async (event) => {
  event.preventDefault();
  const name = $("#your-name").value.trim();
  if (!name) return problemOf("#your-name", "Please type a name.");
  try {
    me = await link.request("sign-in", { name });
    kept.write("me", me);
    link.token = me.token;
    problemOf("#your-name", "");
    showChat();
    resume();
  } catch (failure) {
    problemOf("#your-name", sentence(failure));
    $("#your-name").select();
  }
};

$("#sign-out").onclick = async () => {
  try {
    await link.request("sign-out");
    signedOut();
  } catch (failure) {
    if (failure.code === 401) signedOut();
    else notice(sentence(failure));
  }
};

function signedOut(problem) {
  me = current = link.token = null;
  kept.write("me", null);
  for (const known of [rooms, views, outbox]) known.clear();
  $("#text").disabled = true; // Until there is a room to say it in.
  closeDrawer();
  showWelcome(problem);
}

function open(name) {
  openRoom(name).catch((failure) => { if (failure.code) notice(sentence(failure)); });
}

const dialog = $("#room-dialog");
$("#new-room").onclick = () => {
  $("#new-name").value = "";
  problemOf("#new-name", "");
  dialog.showModal();
};
dialog.querySelector(".plain").onclick = () => dialog.close();
dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
dialog.querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const name = $("#new-name").value.trim().replace(/\s+/gu, " ");
  if (!name) return problemOf("#new-name", "Please type a name.");
  try {
    await link.request("create-room", { name });
    if (!rooms.has(name)) noteRoom({ name });
    dialog.close();
    closeDrawer();
    open(name);
  } catch (failure) {
    problemOf("#new-name", sentence(failure));
  }
};

function fit() {
  const text = $("#text");
  text.style.height = "40px";
  text.style.height = `${text.scrollHeight}px`;
  $("#composer button").disabled = !text.value.trim();
}
$("#text").oninput = fit;
$("#text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("#composer").requestSubmit();
  }
};
$("#composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("#text").value.trim();
  if (!text) return;
  $("#text").value = "";
  fit();
  say(text);
  $("#text").focus();
};

let follows = true; // Whether the end is in sight, and stays so.
new ResizeObserver(() => { if (follows) scroller.scrollTop = scroller.scrollHeight; }).observe(scroller);
scroller.onscroll = () => {
  follows = isAtEnd();
  if (scroller.scrollTop < 200) fetchOlder();
  if (isAtEnd()) $("#newer").hidden = true;
  markSeen();
};
$("#newer").onclick = () => { scroller.scrollTop = scroller.scrollHeight; $("#text").focus(); };

/** A drawer is open, or none; what it covers cannot be reached meanwhile. */
function openDrawer(name) {
  $("#chat").dataset.drawer = name;
  $("main").inert = true;
  $(`#to-${name}`).ariaExpanded = "true";
  $(`#${name} .close`).focus();
}
function closeDrawer() {
  const { drawer } = $("#chat").dataset;
  if (!drawer) return;
  delete $("#chat").dataset.drawer;
  $("main").inert = false;
  $(`#to-${drawer}`).ariaExpanded = "false";
  $(`#to-${drawer}`).focus();
}
$("#to-rooms").onclick = () => openDrawer("rooms");
$("#to-people").onclick = () => openDrawer("people");
$("#shade").onclick = closeDrawer;
for (const button of document.querySelectorAll(".side .close")) button.onclick = closeDrawer;
for (const width of [700, 1020]) matchMedia(`(max-width: ${width}px)`).onchange = closeDrawer;
onkeydown = (event) => { if (event.key === "Escape" && !dialog.open) closeDrawer(); };

$("#banner button").onclick = () => link.connect();
ononline = () => { if (!link.isOpen) link.connect(); };
onoffline = showConnection;
onpopstate = () => { if (me && current) open(addressed()); };
onstorage = (event) => { if (event.key === "chat.me") location.reload(); }; // Signed in or out in another window.
document.onvisibilitychange = () => {
  if (document.visibilityState !== "visible" || !current) return;
  markSeen();
  if (link.isOpen) link.request("list-rooms").catch(() => {}); // Is anybody there? A laptop may have slept.
};

if (me) {
  link.token = me.token;
  showChat();
  showMessagesBeforeTheFirstAnswer();
} else {
  showWelcome();
}
link.connect();

function showMessagesBeforeTheFirstAnswer() {
  $("#nothing").hidden = false;
  $("#nothing").replaceChildren(...nothing(false));
}
