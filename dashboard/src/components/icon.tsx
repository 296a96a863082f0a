// The few pictures there are, drawn with the colour of the text beside them. They say nothing that a word does not.

import type { ReactNode } from "react";

const PATHS = {
  overview: "M4 20V11m5.3 9V4m5.4 16v-7M20 20V8",
  users: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6 9c.4-3.6 2.8-5.5 6-5.5s5.600 1.900 6 5.500m1-9.300a3 3 0 1 0-1.500-5.600M17 15c2.400.300 3.800 2 4 4.500",
  models: "M12 3 4 7.300v9.400L12 21l8-4.300V7.300L12 3Zm-8 4.300 8 4.400m0 0 8-4.400m-8 4.400V21",
  endpoints: "M4 5h16v5H4V5Zm0 9h16v5H4v-5Zm3.500-6.500h.01m0 9h.01",
  quarantine: "M12 3 5 6v5c0 5 3 8.300 7 10 4-1.700 7-5 7-10V6l-7-3Zm0 6v3.500m0 3h.01",
  unrated: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4.500V12l3 2",
  audit: "M6 3h9l4 4v14H6V3Zm3.500 8h6m-6 4h6m-6-8h2.500",
  start: "m5 12 5 5L20 7",
  wallet: "M4 7.500h15V19H4V7.500Zm0 0L15 4v3.500m1 5.800h.01",
  ledger: "M5 4h14v16H5V4Zm3.500 4.500h7m-7 4h7m-7 4h4",
  key: "M14.500 9.500a4.500 4.500 0 1 0-4.200 4.490L12 15.500h2v2h2v2h4v-3.200l-5.780-5.780c.18-.5.28-1 .28-1.020Z",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.500 9c.6-4 3.500-6 7.500-6s6.900 2 7.500 6",
  alert: "M12 4 3 20h18L12 4Zm0 6v4.500m0 2.500h.01",
  close: "m6 6 12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  copy: "M9 9h11v11H9V9Zm-5 6V4h11",
  check: "m5 12.500 4.500 4.500L19 7.500",
  download: "M12 4v11m0 0 4.500-4.500M12 15l-4.500-4.500M5 20h14",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.600 5.600 7 7m10 10 1.400 1.400m0-12.800L17 7M7 17l-1.400 1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  screen: "M4 5h16v11H4V5Zm5 15h6m-3-4v4",
  plus: "M12 5v14m-7-7h14",
  receipt: "M6 3h12v18l-3-2-3 2-3-2-3 2V3Zm3.500 5h5m-5 4h5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): ReactNode {
  return <svg className="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}
