/** The browser's back button while something goes on that one touch must not end: it asks instead of leaving. */

const MARK = "guarded";

/** @param {() => void} ask  what going back means here @returns {() => void} ends it */
export function guardBack(ask) {
  // After a reload the entry of before is there still.
  const stay = () => history.state?.[MARK] || history.pushState({ [MARK]: true }, "", location.pathname);
  const onPop = () => {
    if (history.state?.[MARK]) return;
    stay();
    ask();
  };
  stay();
  addEventListener("popstate", onPop);
  return () => {
    removeEventListener("popstate", onPop);
    if (history.state?.[MARK]) history.replaceState(null, "", location.pathname);
  };
}
