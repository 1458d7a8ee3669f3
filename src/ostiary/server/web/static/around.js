// Tells the app around this page of a login or a registration. Apps either define window.onLogin and
// window.onRegistered, or put theirs into these two objects once the page is loaded.
"use strict";
window.matrixLogin = window.matrixLogin || {};
window.matrixRegistration = window.matrixRegistration || {};

(function () {
  const TRIES = 50;
  const BETWEEN_MS = 200;

  function registered() {
    return window.matrixRegistration.onRegistered || window.onRegistered;
  }

  function tellWhenListening(find, tell) {
    let tries = 0;
    (function attempt() {
      const listener = find();
      if (typeof listener === "function") {
        tell(listener);
      } else if (++tries < TRIES) {
        setTimeout(attempt, BETWEEN_MS);
      }
    })();
  }

  const wish = document.querySelector("input[name=wants_session]");
  if (wish) {
    wish.form.addEventListener("submit", function () {
      wish.value = typeof registered() === "function" ? "yes" : "";
    });
  }

  const login = document.getElementById("logged-in");
  if (login) {
    const response = JSON.parse(login.dataset.response);
    tellWhenListening(
      () => window.matrixLogin.onLogin || window.onLogin,
      (listener) => listener(response),
    );
  }

  const registration = document.getElementById("registered");
  if (registration && registration.dataset.accessToken) {
    const told = registration.dataset;
    tellWhenListening(registered, (listener) =>
      listener(told.hsUrl || window.location.origin, told.userId, told.accessToken),
    );
  }
})();
