/** Line icons of 16 units, drawn here. */
const PATHS = {
  flask: "M6 2h4M7 2v4L3 13a1 1 0 0 0 1 1.5h8a1 1 0 0 0 1-1.5L9 6V2M5 10h6",
  box: "M8 1.8l5.5 3v6.4L8 14.2l-5.5-3V4.800zM2.500 4.800L8 8l5.500-3.200M8 8v6.200",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1.100 1.100M11.900 11.900L13 13M13 3l-1.100 1.100M4.100 11.900L3 13",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  alert: "M8 2L1.500 13.500h13zM8 6.500v3M8 11.500v.1",
  plus: "M8 3v10M3 8h10",
  search: "M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.500 10.500L14 14",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  up: "M4 10l4-4 4 4",
  columns: "M2.500 3h11v10h-11zM6 3v10M10 3v10",
  chart: "M2 14h12M3 11l3-4 3 2 4-6",
  table: "M2.500 3h11v10h-11zM2.500 6.500h11M2.500 10h11M6 6.500V13",
  pin: "M5 2h6l-1 5 2.500 2.500h-9L6 7zM8 9.500V14",
  eye: "M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8zM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  "eye-off": "M2 2l12 12M6.300 6.300a2 2 0 0 0 2.800 2.800M4 4.500C2.400 5.700 1.500 8 1.500 8S4 12.500 8 12.500c1.200 0 2.200-.4 3-.9M7 3.600c.3 0 .7-.1 1-.1 4 0 6.500 4.500 6.500 4.500s-.5 1-1.500 2",
  tag: "M2 7.500V2.500h5L14 9.500 9 14.500zM5 5.500v.1",
  trash: "M3 4.500h10M6 4.500v-2h4v2M4.500 4.500l.7 9h5.600l.7-9",
  edit: "M3 13l.7-3L10.500 3l2.500 2.500L6 12.300zM9 4.500L11.500 7",
  copy: "M5.500 5.500h8v8h-8zM3 10.500h-.5v-8h8V3",
  download: "M8 2v8M4.500 7L8 10.500 11.500 7M2.500 13.500h11",
  stop: "M4 4h8v8H4z",
  undo: "M3 6h6.500a3.500 3.500 0 0 1 0 7H6M3 6l3-3M3 6l3 3",
  group: "M2.500 3h5v4h-5zM8.500 9h5v4h-5zM5 7v4h3.500",
  compare: "M5.500 2.500v11M10.500 2.500v11M2.500 5.500l3-3 3 3M7.500 10.500l3 3 3-3",
  more: "M3.500 8v.1M8 8v.1M12.500 8v.1",
  check: "M3 8.500l3.500 3.500L13 4.500",
  folder: "M1.500 3.500h4.500l1.500 2h7v7.500h-13z",
  file: "M4 1.500h5L12.500 5v9.500H4zM9 1.500V5h3.500",
  zoom: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
